/**
 * Runs the firewall in the network namespace that this process is in, with sessions that are values. Each line of standard
 * input is a word, answered with one line of JSON: the health entries that stand, and which sessions' tunnels carry a filter.
 *
 *   node --import tsx plugins/firewall/testing.ts DEVICE
 *   up | down | stale | sessions {ID: {"ipv4": …, "ipv6": …, "policy": {…}}, …} | end ID,ID
 */
import { createInterface } from 'node:readline'
import type { ConnectRequest, GatewayConfig, Health, HealthEntry, Logger, OpenInfo, Policy, Session, Sessions, TunnelFilter } from '../../core/api.ts'
import { BUILT_IN_POLICY, systemClock } from '../../core/api.ts'
import { Firewall, prefixes, removeStale } from './firewall.ts'
import { findNft, Nft } from './nft.ts'
import { Roster } from './roster.ts'
import { SessionRules } from './session-rules.ts'
import { Table } from './table.ts'

const entries = new Map<string, HealthEntry>()
const health: Health = {
  raise: (code, severity, text) => void entries.set(code, { code, severity, text, since: '' }),
  clear: (code) => void entries.delete(code),
  list: () => [...entries.values()],
}
const line = (message: string, fields?: object): void => void process.stderr.write(`${message} ${JSON.stringify(fields ?? {})}\n`)
const log: Logger = { error: line, warn: line, info: () => undefined, debug: line, child: () => log }
const pools = new Map([['default', { name: 'default', ipv4: '10.20.0.0/16', ipv6: 'fd20::/64', quarantineSec: 0 }]])
const config = { pools, policy: {} } as unknown as GatewayConfig
const device = { device: process.argv[2] ?? '' } as OpenInfo
const nft = new Nft(findNft() ?? 'nft')
const live = new Map<string, Session>()
const filters = new Map<string, TunnelFilter>()
const setFilter = (id: string, filter: TunnelFilter | undefined): void => void (filter ? filters.set(id, filter) : filters.delete(id))
const roster = new Roster()
const rules = new SessionRules(config, { list: () => [...live.values()], setFilter } as unknown as Sessions, roster)
const table = new Table({
  nft, roster, health, clock: systemClock, log,
  ruleset: (name) => ({ device: name, ...prefixes(config) }), standing: () => rules.standing(), taken: () => rules.taken(), lost: () => rules.lost(),
})
rules.table = table
const firewall = new Firewall(table, config, health, systemClock)

interface Given {
  readonly ipv4?: string
  readonly ipv6?: string
  readonly policy?: Partial<Policy>
}
function session(id: string, { ipv4, ipv6, policy }: Given): void {
  const values: Policy = { ...BUILT_IN_POLICY, ...policy }
  const leases = { ipv4: ipv4 && { address: ipv4, prefix: 16 }, ipv6: ipv6 && { address: ipv6, prefix: 64 } }
  const value = { id, leases, policy: { values } } as unknown as Session
  const known = live.has(id)
  live.set(id, value)
  if (known) {
    rules.policyChanged(value)
  } else {
    setFilter(id, rules.negotiate({} as ConnectRequest, { ...value, leases: {} }).tunnel?.filter)
    rules.tunnelUp(value)
  }
}

for await (const word of createInterface({ input: process.stdin })) {
  const [, what, rest = ''] = /^(\S*) ?(.*)$/.exec(word) ?? []
  if (what === 'up') await firewall.deviceUp(device)
  if (what === 'down') await firewall.deviceDown()
  if (what === 'stale') await removeStale(nft, log)
  if (what === 'sessions') for (const [id, given] of Object.entries(JSON.parse(rest) as Record<string, Given>)) session(id, given)
  for (const id of what === 'end' ? rest.split(',') : []) {
    const ended = live.get(id)
    live.delete(id)
    if (ended) rules.sessionEnded(ended)
  }
  if (what === 'sessions' || what === 'end') await table.settle()
  process.stdout.write(JSON.stringify({ health: health.list(), carrying: [...filters.keys()] }) + '\n')
}
