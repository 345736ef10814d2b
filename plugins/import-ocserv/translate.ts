import type { ConfText, Entry } from './conf-text.ts'
import { defaultsOf, hostsInheritAll, type Version } from './defaults.ts'
import type { Material } from './files-named.ts'
import type { Findings } from './finding.ts'
import { certificateTable, channelTables, gatewayTable } from './gateway-tables.ts'
import { groupsOf } from './groups.ts'
import { hostOf, type HostSource, type ImportedHost } from './hosts.ts'
import { hasStep, loginChains, type Chains } from './login-methods.ts'
import { lastOf, type Values } from './part.ts'
import { policyLayer, POLICY_OPTIONS } from './policy-layer.ts'
import { Pools } from './pools.ts'
import { profileSections } from './profiles.ts'
import type { Table, Written } from './setting.ts'
import { tellUntold } from './untold.ts'
import { usersOf, type ImportedUser } from './users.ts'
import { isOn } from './values.ts'

/** One table of postern.toml: its path and its keys. */
export interface Section {
  readonly path: readonly string[]
  readonly table: Table
}
export interface Translation {
  readonly sections: readonly Section[]
  readonly users: readonly ImportedUser[]
  readonly findings: Findings
}
/** The part before the first virtual host, with what was read of the files it names. */
export interface Source {
  readonly text: ConfText
  readonly values: Values
  readonly material: Material
  readonly hosts: readonly HostSource[]
  readonly findings: Findings
  /** Working directory of ocserv. */
  readonly base: string
  readonly version: Version
}

const IPV6_LEAST_MTU = 1280

/** Settings of ocserv to settings of ours; every option of the file ends in at least one finding. Pure. */
export function translate({ text, values, material, hosts: sources, findings, base, version }: Source): Translation {
  for (const { name, line } of text.skipped) findings.add('explained', { name: 'section', file: text.file, line }, `[${name.slice(0, 64)}]: ocserv skips it`)
  const gateway = gatewayTable(values, base, findings)
  const { dtls, anyconnect } = channelTables(values, findings)
  const pools = new Pools(findings)
  const pool = pools.add('default', values)
  if (pool === undefined) findings.add('refused', { name: 'ipv4-network', file: text.file }, 'no network for the clients: the built-in 10.20.0.0/16 and fd20::/64 stand in')
  const policy = basePolicy(values, version, findings)
  const mtu = policy.get('mtu')
  if (typeof mtu === 'number' && mtu < IPV6_LEAST_MTU && (pool === undefined || pools.hasIpv6(pool))) {
    policy.set('mtu', IPV6_LEAST_MTU)
    findings.add('explained', lastOf(values, 'mtu') as Entry, `IPv6 needs ${IPV6_LEAST_MTU}`)
  }
  explainByValue(values, findings)
  const auth = loginChains(values, findings)
  const login = hasStep(auth, 'local')
  const groups = groupsOf(values, material, pools, findings, 'default').map((group) => ({ ...group, auth }))
  const users = login ? usersOf(values, material, pools, pool, findings) : []
  if (!login && material.passwords.length > 0) findings.add('refused', { name: 'user', file: text.file }, `none of ${material.passwords.length} users is imported: no login of the file is possible with a password alone`)
  const hosts = sources.reduce<readonly ImportedHost[]>((before, source) => [...before, hostOf(source, pools, base, [...users, ...before.flatMap((host) => host.users)], findings)], [])
  const all = [...groups, ...hosts.flatMap((host) => host.groups)]
  const certificate = certificateTable(values, base, all.some((group) => hasStep(group.auth ?? [], 'certificate')), findings)
  for (const { name, line } of sources) if (!hostsInheritAll(version)) findings.add('explained', { name: 'section', file: text.file, line }, `[vhost:${name}]: before 1.5 a virtual host inherited only some of the options above it; here it has all of them`)
  const sections: Section[] = [
    { path: ['gateway'], table: gateway },
    ...[...pools.tables].map(([name, table]) => ({ path: ['pool', name], table })),
    { path: ['policy'], table: policy },
    ...all.flatMap(({ name, label, listed, auth = [], policy: own }) => [
      { path: ['group', name], table: new Map<string, Written>([...(label === undefined ? [] : [['label', label] as const]), ...(listed ? [] : [['listed', false] as const]), ...(byPassword(auth) ? [] : [['auth', auth] as const])]) },
      ...(own.size > 0 ? [{ path: ['group', name, 'policy'], table: own }] : []),
    ]),
    ...hosts.flatMap(({ name, table, policy: own }) => [{ path: ['host', name], table }, ...(own.size > 0 ? [{ path: ['host', name, 'policy'], table: own }] : [])]),
    ...(dtls.size > 0 ? [{ path: ['dtls'], table: dtls }] : []),
    ...(anyconnect.size > 0 ? [{ path: ['anyconnect'], table: anyconnect }] : []),
    ...(certificate ? [{ path: ['auth-certificate'], table: certificate }] : []),
    ...profileSections(lastOf(values, 'user-profile'), all, base),
  ]
  tellUntold(values, findings)
  return { sections, users: [...users, ...hosts.flatMap((host) => host.users)], findings }
}

/** What groups have that say nothing; where no login is taken over there is nobody who could. */
const byPassword = (auth: Chains): boolean => auth.length === 0 || JSON.stringify(auth) === '[["local"]]'

function basePolicy(values: Values, version: Version, findings: Findings): Table {
  const missing = new Map(defaultsOf(version).filter(([option]) => !values.has(option)).map(([option, value]) => [option, [{ name: option, value, file: '', line: 0 }]] as const))
  const defaults = policyLayer(missing, findings, 'policy.', 'default-written')
  return new Map([...policyLayer(new Map([...values].filter(([option]) => POLICY_OPTIONS.has(option))), findings, 'policy.'), ...defaults])
}

const BY_VALUE: Readonly<Record<string, readonly [on: string, off: string]>> = {
  'predictable-ips': ['a user who comes back gets the last address while it is free', 'addresses stay with the user who had them last, while they are free'],
  'persistent-cookies': ['a user who disconnects logs in again: the session ends with it', 'a session ends when its user disconnects'],
  'append-routes': ['routes of users and groups stand behind those of everybody', 'routes of users and groups replace those of everybody'],
}
const DIRECTORIES = ['config-per-user', 'config-per-group', 'default-user-config', 'default-group-config']

function explainByValue(values: Values, findings: Findings): void {
  for (const [option, [on, off]] of Object.entries(BY_VALUE)) {
    const entry = lastOf(values, option)
    if (entry) findings.add('explained', entry, isOn(entry.value) ? on : off)
  }
  for (const option of DIRECTORIES) {
    const entry = lastOf(values, option)
    if (entry) findings.add('mapped', entry, option.includes('user') ? 'read into values of the users' : 'read into [group.NAME.policy]')
  }
}
