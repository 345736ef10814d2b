import { isActiveDirectory, primaryGroup } from './active-directory.ts'
import type { AuthLdapConfig } from './config.ts'
import type { Connection, Entry } from './connection.ts'
import { dnKey, firstValue, isBelow, parseDn } from './dn.ts'
import { escapeFilterValue, fill } from './filter.ts'

/** A group in a group in a group: as many levels and groups are looked at. */
const MAX_LEVELS = 10
const MAX_GROUPS = 500
/** LDAP_MATCHING_RULE_IN_CHAIN. */
const IN_CHAIN = '1.2.840.113556.1.4.1941'

type Section = Pick<AuthLdapConfig, 'group-from' | 'group-filter' | 'group-base-dn' | 'base-dn' | 'nested-groups' | 'group-map'>

/** Whether the groups of the directory say who is let into which group. */
export const decidesGroups = (section: Section): boolean => section['group-from'] !== undefined || section['group-filter'] !== undefined
/** Whether more must be asked than the user's entry says. */
export const searchesGroups = (section: Section): boolean => decidesGroups(section) && (section['nested-groups'] || section['group-filter'] !== undefined)

/** Names of the groups that the user is in, as far as the section says where they stand. Throws what the connection throws. */
export async function groupsOf(connection: Connection, section: Section, entry: Entry, user: string): Promise<readonly string[]> {
  const base = section['group-base-dn'] ?? section['base-dn']
  const from = section['group-from'] ?? 'memberOf'
  const search = async (filter: string): Promise<readonly string[]> =>
    (await connection.search(base, { scope: 'sub', filter, attributes: ['1.1'], limit: MAX_GROUPS })).map(({ dn }) => dn)
  const template = section['group-filter']
  const of = (dn: string): Promise<readonly string[]> => search(fill(template ?? '', { dn, user }, escapeFilterValue))
  const primary = [(await primaryGroup(connection, entry)) ?? []].flat()
  if (section['nested-groups'] && template === undefined && (await isActiveDirectory(connection))) {
    const chains = [entry.dn, ...primary].map((dn) => `(member:${IN_CHAIN}:=${escapeFilterValue(dn)})`)
    return [...primary, ...await search(`(|${chains.join('')})`)]
  }
  const direct = [...primary, ...template === undefined ? entry.values(from) : await of(entry.dn)]
  if (!section['nested-groups']) return direct
  return walk(direct, template === undefined ? async (dn) => (await connection.search(dn, { scope: 'base', filter: '(objectClass=*)', attributes: [from], limit: 1 })).flatMap((group) => group.values(from)) : of)
}

/** Level by level; a group that is in itself is looked at once. */
async function walk(direct: readonly string[], above: (dn: string) => Promise<readonly string[]>): Promise<readonly string[]> {
  const found = new Map<string, string>()
  let level = direct
  for (let depth = 0; depth < MAX_LEVELS && level.length > 0; depth++) {
    const fresh: string[] = []
    for (const dn of level) {
      const name = parseDn(dn)
      if (!name || found.has(dnKey(name)) || found.size >= MAX_GROUPS) continue
      found.set(dnKey(name), dn)
      fresh.push(dn)
    }
    const next: string[] = []
    for (const dn of fresh) next.push(...await above(dn))
    level = next
  }
  return [...found.values()]
}

/** Groups of the gateway, in its order: the common name of a group below the base, or what the map says of it. */
export function mapGroups(section: Section, names: readonly string[], groups: ReadonlyMap<string, unknown>): readonly string[] {
  const base = parseDn(section['group-base-dn'] ?? section['base-dn']) ?? []
  const map = new Map(Object.entries(section['group-map']).map(([name, group]) => [name.toLowerCase(), group]))
  const known = new Map([...groups.keys()].map((name) => [name.toLowerCase(), name]))
  const wanted = new Set(names.flatMap((text) => {
    const name = parseDn(text)
    const common = name && isBelow(name, base) ? firstValue(name)?.toLowerCase() : undefined
    const group = common === undefined ? undefined : map.get(common) ?? known.get(common)
    return group === undefined ? [] : [group]
  }))
  return [...groups.keys()].filter((name) => wanted.has(name))
}
