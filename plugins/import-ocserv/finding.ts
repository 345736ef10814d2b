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

  add(severity: Fate, at: { readonly name: string; readonly file: string; readonly line?: number | undefined }, text: string): void {
    this.list.push({ severity, option: at.name, file: at.file, line: at.line, text })
  }
}
