import { parseAddress } from '../net/address.ts'
import type { Plugin } from '../plugin.ts'
import { parseSection } from './describe.ts'
import type { GatewayConfig, GroupConfig, HostConfig, PoolConfig } from './gateway-config.ts'
import { canonicalName } from './network.ts'
import type { Path } from './locate.ts'
import { pathText, type Problems } from './problems.ts'
import { defaultName, GatewaySchema, GroupSchema, HostSchema, PoolSchema, SECTION_NAME } from './schema.ts'
import { PolicySchema } from '../policy/keys.ts'
import type { Table } from './toml.ts'
import { quote } from './written.ts'

const isTable = (value: unknown): value is Table => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** Sections without a problem: checks between sections look only at these. */
export type Sound = ReadonlySet<CoreSection>
type CoreSection = 'gateway' | 'policy' | 'pool' | 'group' | 'host'

/** The core's own sections. What has a problem is left out, or stands with its built-in values. */
export function readCore(table: Table, file: string, problems: Problems): { readonly core: GatewayConfig; readonly sound: Sound } {
  const sound = new Set<CoreSection>()
  const section = <T>(name: CoreSection, read: () => T): T => {
    const before = problems.count
    const value = read()
    if (problems.count === before) sound.add(name)
    return value
  }
  const gateway = section('gateway', () => parseSection(GatewaySchema, table['gateway'] ?? {}, ['gateway'], problems)?.value ?? GatewaySchema.parse({}))
  const policy = section('policy', () => parseSection(PolicySchema, table['policy'] ?? {}, ['policy'], problems)?.value ?? {})
  const pools = section('pool', () => named('pool', table['pool'], problems, (name, value, path): PoolConfig | undefined => {
    const pool = parseSection(PoolSchema, value, path, problems)?.value
    return pool && { name, ...(pool.ipv4 && { ipv4: pool.ipv4 }), ...(pool.ipv6 && { ipv6: pool.ipv6 }), quarantineSec: pool.quarantine }
  }))
  const groups = section('group', () => named('group', table['group'], problems, (name, value, path): GroupConfig | undefined => {
    const group = parseSection(GroupSchema, value, path, problems)?.value
    return group && { name, label: group.label ?? name, ...(group.listed ? {} : { listed: false }), auth: group.auth, policy: group.policy }
  }))
  const written = section('host', () => named('host', table['host'], problems, (name, value, path) => {
    const host = parseSection(HostSchema, value, path, problems)?.value
    return host && { name, names: host.names ?? [canonicalName(name) ?? name], certificates: host.certificate, keys: host.key, groups: host.groups, policy: host.policy }
  }))
  if (pools.size === 0 && sound.has('pool')) pools.set('default', { name: 'default', ipv4: '10.20.0.0/16', ipv6: 'fd20::/64', quarantineSec: 300 })
  if (groups.size === 0 && sound.has('group')) groups.set('default', { name: 'default', label: 'default', auth: [['local']], policy: {} })
  const own = gateway.groups ?? unclaimed(groups, [...written.values()])
  const hosts = new Map([...written].map(([name, host]): [string, HostConfig] => [name, { ...host, groups: host.groups ?? own }]))
  const core = {
    file,
    gateway: {
      name: gateway.name ?? defaultName(), listen: gateway.listen, certificates: gateway.certificate, keys: gateway.key, workers: gateway.workers, device: gateway.device,
      proxyProtocolFrom: gateway['proxy-protocol-from'], maxSessions: gateway['max-sessions'], fips: gateway.fips,
      groups: own,
    },
    pools, policy, groups, hosts,
  }
  return { core, sound }
}

/** Groups that no host names. */
function unclaimed(groups: ReadonlyMap<string, GroupConfig>, hosts: readonly { readonly groups: readonly string[] | undefined }[]): readonly string[] {
  const claimed = new Set(hosts.flatMap((host) => host.groups ?? []))
  return [...groups.keys()].filter((name) => !claimed.has(name))
}

const MAX_NAMED = 500
const EXAMPLES = { pool: 'default', group: 'staff', host: '"vpn2.example.com"' } as const
const isHostName = (name: string): boolean => canonicalName(name) !== undefined && !parseAddress(name)
/** `[pool.NAME]`, `[group.NAME]` or `[host.NAME]`: every table of it that has no problem, in the order of the file. */
function named<T>(section: keyof typeof EXAMPLES, value: unknown, problems: Problems, read: (name: string, value: unknown, path: Path) => T | undefined): Map<string, T> {
  if (value !== undefined && !isTable(value)) problems.add([section], `${section}: must be written [${section}.NAME]`, 'key')
  const result = new Map<string, T>()
  const entries = isTable(value) ? Object.entries(value) : []
  if (entries.length > MAX_NAMED) problems.add([section, entries[MAX_NAMED]?.[0] ?? ''], `${section}: more than ${MAX_NAMED} of them`, 'key')
  for (const [name, entry] of entries.slice(0, MAX_NAMED)) {
    const path = [section, name]
    if (!isTable(entry)) problems.add(path, `${pathText(path)}: must be a table, as in [${section}.${EXAMPLES[section]}]`, 'key')
    else if (section === 'host' && !isHostName(name)) problems.add(path, `${quote(name)} is not the name of a host, such as "vpn2.example.com"`, 'key')
    else if (section !== 'host' && !SECTION_NAME.test(name)) problems.add(path, `${quote(name)} is not a name: letters, digits, ".", "_" and "-", at most 64`, 'key')
    else {
      const parsed = read(name, entry, path)
      if (parsed !== undefined) result.set(name, parsed)
    }
  }
  return result
}

export interface PluginSection {
  readonly state: 'on' | 'off'
  /** Why it is off. */
  readonly reason?: string
  /** Undefined when off. */
  readonly value: unknown
}

/** A plugin's section. One that is switched off is not looked into any further. */
export function readPlugin(plugin: Plugin, section: unknown, problems: Problems): PluginSection | undefined {
  const path = [plugin.name]
  if (section === undefined && plugin.runsByDefault === false) return { state: 'off', reason: `no [${plugin.name}] section`, value: undefined }
  if (section !== undefined && !isTable(section)) {
    problems.add(path, `${pathText(path)}: must be a table, written [${plugin.name}]`, 'key')
    return undefined
  }
  const { enabled = true, ...rest } = section ?? {}
  if (typeof enabled !== 'boolean') problems.add([...path, 'enabled'], `${plugin.name}.enabled: must be true or false`)
  if (enabled === false) return { state: 'off', reason: 'switched off with enabled = false', value: undefined }
  const parsed = parseSection(plugin.config, rest, path, problems)
  return parsed && { state: 'on', value: parsed.value }
}
