import { GatewayError, type LocalPlace } from '../../core/api.ts'
import type { Findings } from './finding.ts'
import type { Written } from './setting.ts'
import { tomlText } from './toml-text.ts'
import type { Section } from './translate.ts'

/** Where the file would lie, for a result that is not written yet; its paths are absolute. */
const NOWHERE = '/nonexistent/postern.toml'
/** Each round takes out what the one before has found. */
const ROUNDS = 20

/**
 * The text of the configuration, once everything that `postern check` refuses is taken out of `sections` and told: what
 * no option alone can know, such as a network behind a client inside the pool.
 */
export function settledText(sections: readonly Section[], head: readonly string[], file: string, findings: Findings, place: Pick<LocalPlace, 'problemsOf'>): string {
  let left = sections
  for (let round = 0; round < ROUNDS; round++) {
    const text = tomlText(left, head)
    const problems = place.problemsOf(text, NOWHERE)
    if (problems.length === 0) return text
    // Only the first of a list, so that the numbers of the others still hold.
    const done = new Set<string>()
    for (const { key, message } of problems) {
      const found = entryAt(left, key)
      if (!found) throw new GatewayError('CONFIG', `${file} becomes a configuration that is not valid: ${message}`)
      if (done.has(found.name)) continue
      done.add(found.name)
      takeOut(found)
      findings.add('refused', { name: found.key, file }, `is left out: ${message}`)
    }
    // A profile is nothing without its file.
    left = left.filter(({ path, table }) => path[0] !== 'always-on-policy' || table.has('path'))
  }
  throw new GatewayError('CONFIG', `${file} becomes a configuration that is not valid`)
}

interface Found {
  readonly name: string
  readonly section: Section
  readonly key: string
  readonly index: number | undefined
}

/** `group.staff.policy.iroute[0]`; names with other characters are in quotes. */
function entryAt(sections: readonly Section[], path: string): Found | undefined {
  for (const section of sections) {
    const prefix = `${section.path.map((part) => (/^[\w-]{1,64}$/.test(part) ? part : JSON.stringify(part))).join('.')}.`
    const match = path.startsWith(prefix) ? /^([a-z0-9-]+)(?:\[(\d+)\])?$/.exec(path.slice(prefix.length)) : undefined
    const key = match?.[1]
    if (key !== undefined && section.table.has(key)) return { name: prefix + key, section, key, index: match?.[2] === undefined ? undefined : Number(match[2]) }
  }
  return undefined
}

function takeOut({ section: { table }, key, index }: Found): void {
  const value = table.get(key)
  const rest = index !== undefined && Array.isArray(value) ? (value as readonly string[]).filter((_, at) => at !== index) : []
  if (rest.length > 0) table.set(key, rest satisfies Written)
  else table.delete(key)
}
