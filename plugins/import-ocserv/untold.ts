import type { Entry } from './conf-text.ts'
import type { Findings } from './finding.ts'
import { OPTIONS } from './options.ts'
import type { Values } from './part.ts'

/** Options that may stand in the file more than once, each adding to a list. */
const LISTS = new Set(['auth', 'enable-auth', 'dns', 'nbns', 'split-dns', 'route', 'no-route', 'iroute', 'listen-host', 'select-group', 'server-cert', 'server-key'])

/** A finding for each line that has none: parts of a list or pair that was told of once, and lines that a later one overrides. */
export function tellUntold(values: Values, findings: Findings): void {
  const told = new Set(findings.list.map(({ file, line }) => `${file}:${line}`))
  for (const [option, entries] of values) {
    const last = entries.at(-1)
    for (const entry of entries) {
      if (told.has(`${entry.file}:${entry.line}`)) continue
      if (entry === last || LISTS.has(option)) findings.add('mapped', entry, OPTIONS[option]?.text ?? option)
      else findings.add('explained', entry, overridden(last))
    }
  }
}

const overridden = (by: Entry | undefined): string => `line ${by?.line} says otherwise, and the last one counts`
