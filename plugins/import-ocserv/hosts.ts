import type { Material } from './files-named.ts'
import type { Findings } from './finding.ts'
import { certificates, setCertificates } from './gateway-tables.ts'
import { groupsOf, type ImportedGroup } from './groups.ts'
import { hasStep, loginChains } from './login-methods.ts'
import { lastOf, type Values } from './part.ts'
import { policyLayer } from './policy-layer.ts'
import type { Pools } from './pools.ts'
import type { Table } from './setting.ts'
import { explainPriorities } from './tls-priorities.ts'
import { tellUntold } from './untold.ts'
import { usersOf, type ImportedUser } from './users.ts'

/** A virtual host with what was read of the files that it names. */
export interface HostSource {
  readonly name: string
  readonly line: number
  /** Its own options. */
  readonly own: Values
  /** With those that it inherits. */
  readonly values: Values
  readonly material: Material
}
export interface ImportedHost {
  readonly name: string
  readonly table: Table
  readonly policy: Table
  readonly groups: readonly ImportedGroup[]
  readonly users: readonly ImportedUser[]
}

const SHARED = ['ca-cert', 'crl', 'cert-user-oid', 'dtls-legacy', 'append-routes', 'predictable-ips', 'persistent-cookies']
const OF_GROUPS = ['select-group', 'default-select-group', 'auto-select-group', 'config-per-user', 'config-per-group', 'default-user-config', 'default-group-config', 'user-profile']

/**
 * `[host.NAME]`. A host with an `auth` of its own has users of its own, in groups that only it offers: they cannot log in
 * anywhere else, nor others there. Without one it is another certificate and policy for everybody.
 */
export function hostOf({ name, own, values, material }: HostSource, pools: Pools, base: string, known: readonly ImportedUser[], findings: Findings): ImportedHost {
  const where = `host.${name}.`
  const table: Table = new Map()
  setCertificates(table, certificates(own, base, findings))
  const policy = policyLayer(own, findings, `${where}policy.`)
  const slug = `host-${name.replace(/[^A-Za-z0-9.-]/g, '-')}`.slice(0, 40)
  const pool = pools.add(slug, own)
  if (pool !== undefined) policy.set('pool', pool)
  for (const option of SHARED) for (const entry of own.get(option) ?? []) findings.add('explained', entry, 'is one for all hosts: what stands above them counts')
  for (const entry of own.get('tls-priorities') ?? []) for (const { severity, text } of explainPriorities(entry.value)) findings.add(severity, entry, text)
  const apart = own.has('auth') || own.has('enable-auth')
  if (!apart) {
    for (const option of OF_GROUPS) for (const entry of own.get(option) ?? []) findings.add('refused', entry, 'a host that shares its users with the others shares their groups too')
    tellUntold(own, findings)
    return { name, table, policy, groups: [], users: [] }
  }
  const auth = loginChains(own, findings, own.has('ca-cert') ? 'all hosts have the same authorities here: those in front of the first virtual host' : undefined)
  const login = hasStep(auth, 'local')
  const renamed = (group: string): string => `${slug}.${group}`.slice(0, 64)
  const groups = groupsOf(values, material, pools, findings, slug).map((group, at) => (at === 0 ? group : { ...group, name: renamed(group.name), label: group.label ?? group.name }))
  table.set('groups', groups.map((group) => group.name))
  const profile = lastOf(own, 'user-profile')
  const users = login ? usersOf(values, material, pools, pool, findings, known) : []
  if (!login && material.passwords.length > 0) findings.add('refused', lastOf(own, 'auth') ?? { name: 'auth', file: '' }, `none of ${material.passwords.length} users of ${name} is imported: no login is possible with a password alone`)
  tellUntold(own, findings)
  return { name, table, policy, groups: groups.map((group) => ({ ...group, auth, profile: group.profile ?? profile })), users: users.map((user) => ({ ...user, groups: user.groups.length === 0 ? [slug] : user.groups.map(renamed) })) }
}
