import { cryptProblem, SECTION_NAME, userNameProblem } from '../../core/api.ts'
import type { ConfText } from './conf-text.ts'
import type { Material } from './files-named.ts'
import type { Findings } from './finding.ts'
import { ownLayer } from './groups.ts'
import { shownName } from './password-file.ts'
import type { Values } from './part.ts'
import type { Pools } from './pools.ts'
import type { Table } from './setting.ts'

export interface ImportedUser {
  readonly name: string
  readonly groups: readonly string[]
  /** Of crypt(3); goes into the store and nowhere else. */
  readonly hash: string
  readonly locked: boolean
  readonly policy: Table
}

const NO_PROFILE = 'a profile is that of a group: give the user a group with [always-on-policy.file.NAME]'

/** The users of the password file with the values of their own files. `pool`: of everybody; `others`: users of other hosts, whose names are taken. */
export function usersOf(values: Values, material: Material, pools: Pools, pool: string | undefined, findings: Findings, others: readonly ImportedUser[] = []): readonly ImportedUser[] {
  const taken = new Map(others.map(({ name }) => [name.toLowerCase(), name]))
  const layer = (text: ConfText, where: string, poolName: string): Table => ownLayer(text, where, poolName, values, pools, findings, NO_PROFILE).policy
  let shared: Table | undefined
  const standIn = (): Table => (shared ??= material.defaultUser ? layer(material.defaultUser, 'users without a file: ', 'users') : new Map<string, never>())
  const users = material.passwords.flatMap((entry): ImportedUser[] => {
    const at = { name: 'user', file: entry.file, line: entry.line }
    const shown = shownName(entry.name)
    const other = taken.get(entry.name.toLowerCase())
    const problem = userNameProblem(entry.name) ?? cryptProblem(entry.hash) ?? (other === undefined ? undefined : `${JSON.stringify(other)} has the same name: letters count the same in both cases`)
    if (problem !== undefined) {
      findings.add('refused', at, `${shown} is not imported: ${problem}`)
      return []
    }
    taken.set(entry.name.toLowerCase(), entry.name)
    const text = material.users.get(entry.name)
    const policy: Table = text === undefined ? new Map(standIn()) : layer(text, `user ${entry.name}: `, `user-${entry.name.replaceAll('@', '.')}`)
    for (const key of ['ipv4-address', 'ipv6-address']) {
      const address = policy.get(key)
      const from = (policy.get('pool') ?? pool) as string | undefined
      if (address === undefined || (from !== undefined && pools.has(from, String(address)))) continue
      policy.delete(key)
      findings.add('refused', at, `${shown}: ${String(address)} is not an address of the user's pool`)
    }
    return [{ name: entry.name, groups: entry.groups.filter((group) => SECTION_NAME.test(group)), hash: entry.hash, locked: entry.locked, policy }]
  })
  for (const name of material.users.keys()) if (!users.some((user) => user.name === name)) findings.add('explained', { name: 'user', file: material.users.get(name)?.file ?? '' }, 'a file of values, but no user of that name is imported')
  return users
}
