import { nearest } from '../../core/api.ts'
import type { ConfSection, Entry } from './conf-text.ts'
import type { Findings } from './finding.ts'
import { FORMER_NAMES, OPTIONS } from './options.ts'

/** The options of one section or file, by their present names; each in the order of the file. */
export type Values = ReadonlyMap<string, readonly Entry[]>
/** `main`: before the first section; `host`: in a virtual host; `own`: a user's or group's file. */
export type Place = 'main' | 'host' | 'own'

/** Takes what ocserv takes there and says of everything else what becomes of it. */
export function valuesOf(section: ConfSection, place: Place, findings: Findings): Values {
  const values = new Map<string, Entry[]>()
  for (const entry of section.entries) {
    const name = FORMER_NAMES[entry.name] ?? (entry.name === 'always-require-cert' ? 'cisco-client-compat' : entry.name)
    const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined
    if (!option) {
      const guess = nearest(entry.name, Object.keys(OPTIONS))
      findings.add('explained', entry, `ocserv does not know it and skips it${guess === undefined ? '' : ` (did you mean ${guess}?)`}`)
    } else if (place === 'host' && option.scope === 'G') findings.add('refused', entry, 'belongs before the first virtual host; ocserv since 1.4.2 does not start with it here')
    else if (place === 'own' ? !option.scope.endsWith('U') : option.scope === 'only U') findings.add('explained', entry, `ocserv skips it here: it belongs into ${place === 'own' ? 'ocserv.conf' : 'the file of a user or group'}`)
    else if (option.fate !== 'mapped') findings.add(option.fate, entry, option.text)
    else values.set(name, [...(values.get(name) ?? []), entry])
  }
  return values
}

export const lastOf = (values: Values, option: string): Entry | undefined => values.get(option)?.at(-1)

/** What stands in `own` hides the whole option in `below`. */
export const inherit = (own: Values, below: Values): Values => new Map([...below, ...own])

/** Several sections of one place. */
export function joined(parts: readonly Values[]): Values {
  const all = new Map<string, readonly Entry[]>()
  for (const part of parts) for (const [option, entries] of part) all.set(option, [...(all.get(option) ?? []), ...entries])
  return all
}
