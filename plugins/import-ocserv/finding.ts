/**
 * What became of an option. `mapped`: a setting of ours; `default-written`: ocserv's own default, which the file did not
 * name; `explained`: not needed here, or done otherwise; `refused`: it has no equal here, somebody must look.
 */
export const FATES = ['refused', 'explained', 'mapped', 'default-written'] as const
export type Fate = (typeof FATES)[number]

export interface Finding {
  readonly severity: Fate
  /** Its name in ocserv.conf; `user`, `group` or `section` for what is no option. */
  readonly option: string
  readonly file: string
  /** From 1; undefined for what stands in no line. */
  readonly line: number | undefined
  readonly text: string
}

/** Collects findings about one file or one part of it. */
export class Findings {
  readonly list: Finding[] = []
  private readonly told = new Set<string>()

  add(severity: Fate, at: { readonly name: string; readonly file: string; readonly line?: number | undefined }, text: string): void {
    // An option that hosts inherit is read more than once.
    const same = JSON.stringify([severity, at.name, at.file, at.line, text])
    if (this.told.has(same)) return
    this.told.add(same)
    this.list.push({ severity, option: at.name, file: at.file, line: at.line, text })
  }
}
