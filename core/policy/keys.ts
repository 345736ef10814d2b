import { z, type ZodType } from 'zod'
import { cidr, domainName, fixedAddress, ipAddress } from '../config/network.ts'
import { duration, integer, quota, rate } from '../config/units.ts'
import { quote, written } from '../config/written.ts'
import type { Policy, PolicyKey, PolicyValues } from './policy.ts'
import { timeWindow } from './time-window.ts'
import { isTrafficRule } from './traffic-rule.ts'

/** One key of `[policy]`. Schema, defaults, help and README tables all come from here. */
export interface PolicyKeyDefinition<K extends PolicyKey = PolicyKey> {
  /** Name in the file. */
  readonly key: string
  readonly schema: ZodType<Policy[K]>
  readonly builtIn: Policy[K]
  readonly title: string
  readonly description: string
}

const MONTH = 30 * 86_400
const timeout = () => duration({ max: MONTH })
const rule = () =>
  written('a rule', 'tcp 443 10.1.0.5', (text) =>
    isTrafficRule(text) ? { value: text } : { refusal: `${quote(text)} is not a rule such as "10.0.0.0/8", "tcp 443 10.1.0.5" or "icmp"` })
/** Cisco's clients take 20,000 characters of them. */
const domains = () => z.array(domainName()).max(300).refine((all) => all.join().length <= 20_000, 'must be at most 20000 characters, with a comma between two')
const banner = () =>
   
  z.string().max(2000).refine((text) => !/[\x00-\x08\x0b-\x1f\x7f]/.test(text), 'must not hold control characters')

export const POLICY_KEYS: { readonly [K in PolicyKey]: PolicyKeyDefinition<K> } = {
  pool: { key: 'pool', schema: z.string(), builtIn: 'default', title: 'Pool', description: 'Address pool, by the name of its section' },
  ipv4Address: { key: 'ipv4-address', schema: fixedAddress(4), builtIn: '', title: 'IPv4 address', description: 'This address of the pool and no other; empty: any' },
  ipv6Address: { key: 'ipv6-address', schema: fixedAddress(6), builtIn: '', title: 'IPv6 address', description: 'This address of the pool and no other; empty: any' },
  iroute: { key: 'iroute', schema: z.array(cidr()).max(100), builtIn: [], title: 'Networks behind the client', description: 'Routed to the client through its tunnel' },
  dns: { key: 'dns', schema: z.array(ipAddress()).max(10), builtIn: [], title: 'DNS servers', description: 'Resolvers for the client, in order; clients keep the first three; empty: the gateway itself where split-dns runs' },
  nbns: { key: 'nbns', schema: z.array(ipAddress(4)).max(4), builtIn: [], title: 'WINS servers', description: 'NetBIOS name servers for the client, IPv4' },
  defaultDomain: { key: 'default-domain', schema: domainName({ empty: true }), builtIn: '', title: 'Default domain', description: 'Domain that the client appends to short names' },
  search: { key: 'search', schema: z.array(domainName()).max(32), builtIn: [], title: 'Search list', description: 'Further domains that are tried' },
  splitInclude: { key: 'split-include', schema: z.array(cidr()).max(1000), builtIn: [], title: 'Routes through the tunnel', description: 'Networks reached through the tunnel; empty: everything' },
  splitExclude: { key: 'split-exclude', schema: z.array(cidr()).max(1000), builtIn: [], title: 'Routes outside the tunnel', description: 'Networks that stay outside the tunnel' },
  splitDns: { key: 'split-dns', schema: z.array(domainName({ wildcard: true })).max(1000), builtIn: [], title: 'Split DNS', description: 'Domains resolved through the tunnel; empty: the zones that split-dns has for the group' },
  tunnelAllDns: { key: 'tunnel-all-dns', schema: z.boolean(), builtIn: false, title: 'Tunnel all DNS', description: 'Every DNS query goes through the tunnel' },
  localLan: { key: 'local-lan', schema: z.boolean(), builtIn: false, title: 'Local LAN', description: 'The client may reach its own network' },
  clientBypassProtocol: { key: 'client-bypass-protocol', schema: z.boolean(), builtIn: false, title: 'Bypass protocol', description: 'Traffic of a family for which the client has no address stays outside the tunnel; off: it is dropped' },
  dynamicSplitInclude: { key: 'dynamic-split-include', schema: domains(), builtIn: [], title: 'Domains through the tunnel', description: 'Cisco clients: what these domains and the ones below them resolve to goes through the tunnel' },
  dynamicSplitExclude: { key: 'dynamic-split-exclude', schema: domains(), builtIn: [], title: 'Domains outside the tunnel', description: 'Cisco clients: what these domains and the ones below them resolve to stays outside the tunnel' },
  dpdSec: { key: 'dpd', schema: timeout(), builtIn: 30, title: 'DPD interval', description: 'Silence after which the other side is probed; 0s = never' },
  mobileDpdSec: { key: 'mobile-dpd', schema: timeout(), builtIn: 300, title: 'DPD interval, mobile', description: 'The same for phones and tablets' },
  dpdRetries: { key: 'dpd-retries', schema: integer(1, 20), builtIn: 3, title: 'DPD retries', description: 'Unanswered probes before the tunnel is given up' },
  keepaliveSec: { key: 'keepalive', schema: timeout(), builtIn: 20, title: 'Keepalive', description: 'Time without sending after which a keepalive goes out; 0s = never' },
  learnKeepalive: { key: 'learn-keepalive', schema: z.boolean(), builtIn: true, title: 'Learn the keepalive', description: 'Phones and tablets: find the longest keepalive, up to mobile-dpd, that the NATs of their network survive' },
  idleTimeoutSec: { key: 'idle-timeout', schema: timeout(), builtIn: 1800, title: 'Idle timeout', description: 'Counts only without an SSL-Tunnel' },
  inactivityTimeoutSec: { key: 'inactivity-timeout', schema: timeout(), builtIn: 0, title: 'Inactivity timeout', description: 'Time without payload after which a session ends; 0s = off' },
  disconnectedTimeoutSec: { key: 'disconnected-timeout', schema: timeout(), builtIn: 1800, title: 'Disconnected timeout', description: 'How long a session waits for its client to return' },
  denyRoaming: { key: 'deny-roaming', schema: z.boolean(), builtIn: false, title: 'No roaming', description: 'A session stays at the address it logged in from' },
  sessionTimeoutSec: { key: 'session-timeout', schema: duration(), builtIn: 0, title: 'Session timeout', description: 'Life of a session from its login; 0s = no limit' },
  rekeyTimeSec: { key: 'rekey-time', schema: timeout(), builtIn: 43_200, title: 'Rekey time', description: 'Longest life of keys; 0s = as long as they are safe' },
  rekeyMethod: { key: 'rekey-method', schema: z.enum(['new-tunnel', 'ssl']), builtIn: 'new-tunnel', title: 'Rekey method', description: 'new-tunnel: the client comes back with a new connection; ssl: the gateway changes keys in place (TLS 1.3; DTLS by a new handshake)' },
  dtls: { key: 'dtls', schema: z.boolean(), builtIn: true, title: 'DTLS', description: 'The client may use UDP' },
  mtu: { key: 'mtu', schema: integer(576, 9000), builtIn: 1400, title: 'MTU', description: 'Largest inner packet, bytes; at least 1280 with IPv6' },
  compression: { key: 'compression', schema: z.boolean(), builtIn: false, title: 'Compression', description: 'Packets are compressed where the client can. Off, because sizes then tell secrets (VORACLE), and for the CPU' },
  banner: { key: 'banner', schema: banner(), builtIn: '', title: 'Banner', description: 'Text shown to the user after login' },
  rateUp: { key: 'rate-up', schema: rate(), builtIn: 0, title: 'Rate up', description: 'Limit from the client; empty = none' },
  rateDown: { key: 'rate-down', schema: rate(), builtIn: 0, title: 'Rate down', description: 'Limit towards the client; empty = none' },
  userRateUp: { key: 'user-rate-up', schema: rate(), builtIn: 0, title: 'Rate up of a user', description: 'The same for all sessions of a user together' },
  userRateDown: { key: 'user-rate-down', schema: rate(), builtIn: 0, title: 'Rate down of a user', description: 'The same for all sessions of a user together' },
  groupRateUp: { key: 'group-rate-up', schema: rate(), builtIn: 0, title: 'Rate up of a group', description: 'The same for all sessions of a group together, shared fairly' },
  groupRateDown: { key: 'group-rate-down', schema: rate(), builtIn: 0, title: 'Rate down of a group', description: 'The same for all sessions of a group together, shared fairly' },
  quota: { key: 'quota', schema: quota(), builtIn: '', title: 'Quota', description: 'Volume in a day, week or month; empty = none' },
  quotaAction: { key: 'quota-action', schema: z.enum(['warn', 'slow', 'cut']), builtIn: 'cut', title: 'Beyond the quota', description: 'warn: an event alone; slow: quota-rate both ways; cut: the sessions end and logins are refused until the period is over' },
  quotaRate: { key: 'quota-rate', schema: rate(), builtIn: 125_000, title: 'Rate beyond the quota', description: 'With quota-action slow' },
  hours: { key: 'hours', schema: z.array(timeWindow()).max(50), builtIn: [], title: 'Hours', description: 'When logins are accepted, local time: "mon-fri 08:00-18:00"; sessions end with the window; empty: always' },
  maxSessions: { key: 'max-sessions', schema: integer(0, 100_000), builtIn: 0, title: 'Sessions of a user', description: 'At the same time; 0 = no limit' },
  maxSessionsAction: { key: 'max-sessions-action', schema: z.enum(['refuse', 'replace']), builtIn: 'refuse', title: 'Beyond max-sessions', description: 'refuse: the login; replace: the oldest session of the user ends' },
  allow: { key: 'allow', schema: z.array(rule()).max(1000), builtIn: [], title: 'Allow', description: 'What the client may reach; empty = everything the routes reach' },
  deny: { key: 'deny', schema: z.array(rule()).max(1000), builtIn: [], title: 'Deny', description: 'What it may not, whatever allow says' },
  restrictToRoutes: { key: 'restrict-to-routes', schema: z.boolean(), builtIn: false, title: 'Routes alone', description: 'Only what split-include names, without split-exclude, passes; DNS servers too' },
  clientToClient: { key: 'client-to-client', schema: z.boolean(), builtIn: false, title: 'Client to client', description: 'Clients may reach each other: those of whom both may' },
}

/** In the order of the table. */
export const POLICY_PROPERTIES = Object.keys(POLICY_KEYS) as readonly PolicyKey[]

export const BUILT_IN_POLICY = Object.fromEntries(POLICY_PROPERTIES.map((property) => [property, POLICY_KEYS[property].builtIn])) as unknown as Policy

/** One key of a layer, as it is written there: a list may be `{ append = [...] }`. */
export const policyEntry = (property: PolicyKey): ZodType => {
  const { schema, builtIn } = POLICY_KEYS[property] as PolicyKeyDefinition
  return Array.isArray(builtIn) ? z.union([schema as ZodType, z.strictObject({ append: schema })]) : schema
}

/** A `[policy]` table: every key optional, none unknown; gives the properties that are set. */
export const PolicySchema = z
  .strictObject(Object.fromEntries(POLICY_PROPERTIES.map((property) => [POLICY_KEYS[property].key, policyEntry(property).optional()])))
  .transform((table): PolicyValues => policyValues((property) => table[POLICY_KEYS[property].key]))

/** A layer of parsed entries. */
export function policyValues(entry: (property: PolicyKey) => unknown): PolicyValues {
  const set = POLICY_PROPERTIES.map((property) => [property, entry(property)] as const).filter(([, value]) => value !== undefined)
  const [append, replace] = [set.filter(([, value]) => isAppend(value)), set.filter(([, value]) => !isAppend(value))]
  return {
    ...Object.fromEntries(replace),
    ...(append.length > 0 && { append: Object.fromEntries(append.map(([property, value]) => [property, (value as { append: readonly string[] }).append])) }),
  }
}
const isAppend = (value: unknown): boolean => typeof value === 'object' && value !== null && 'append' in value

/** Unit and range as the schema has them, for help and tables. */
export function policyUnit(property: PolicyKey): { readonly unit?: string; readonly range?: string } {
  const meta = POLICY_KEYS[property].schema.meta() ?? {}
  return { ...(typeof meta['unit'] === 'string' && { unit: meta['unit'] }), ...(typeof meta['range'] === 'string' && { range: meta['range'] }) }
}
