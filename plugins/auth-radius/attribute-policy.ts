import { POLICY_KEYS, type PolicyKey, type PolicyValues } from '../../core/api.ts'
import { nameOf, valuesOf, valueOf, type Found } from './attributes.ts'
import { readAvPair } from './av-pair.ts'
import { DICTIONARY, type AttributeName } from './dictionary.ts'
import { mikrotikRates } from './mikrotik-rate.ts'
import { readRoute } from './route.ts'

/** What attributes say of a session's policy. */
export interface AttributePolicy {
  readonly values: PolicyValues
  /** A line for each value that cannot be used; the others count. */
  readonly problems: readonly string[]
}
export interface PolicyPlace {
  hasPool(name: string): boolean
}

/** Framed-IP-Address that leaves the choice to the gateway or the user (RFC 2865 section 5.8), or says nothing. */
const ANY_ADDRESS = ['255.255.255.254', '255.255.255.255', '0.0.0.0']
const DNS = ['MS-Primary-DNS-Server', 'MS-Secondary-DNS-Server', 'ASA-Primary-DNS', 'ASA-Secondary-DNS', 'Ascend-Client-Primary-DNS', 'Ascend-Client-Secondary-DNS', 'DNS-Server-IPv6-Address'] as const
const NBNS = ['MS-Primary-NBNS-Server', 'MS-Secondary-NBNS-Server', 'ASA-Primary-WINS', 'ASA-Secondary-WINS'] as const
const SESSIONS = ['Port-Limit', 'ASA-Simultaneous-Logins', 'RP-Max-Sessions-Per-User'] as const
const BITS = 8
const KILOBIT = 1000 / BITS

/** The same for a login and for a CoA-Request. Attributes that are not known say nothing. */
export function attributePolicy(found: readonly Found[], place: PolicyPlace): AttributePolicy {
  const problems: string[] = malformed(found)
  const refuse = (name: string, problem: string): undefined => void problems.push(`${name}: ${problem}`)
  const pairs = readAvPair(valuesOf(found, 'Cisco-AVPair'), refuse)
  /** Those of the list that the policy accepts. */
  const each = (property: PolicyKey, name: string, texts: readonly string[]): readonly string[] => texts.filter((text) => checked(property, [text], name, refuse) !== undefined)
  const seconds = (name: 'Session-Timeout' | 'Idle-Timeout', mostSec: number): number | undefined => {
    const value = valueOf(found, name)
    return value === undefined || value === 0 ? undefined : Math.min(value, mostSec)
  }
  const [address] = valuesOf(found, 'Framed-IP-Address').filter((text) => !ANY_ADDRESS.includes(text))
  const routes = (['Framed-Route', 'Framed-IPv6-Route'] as const).flatMap((name) => valuesOf(found, name).flatMap((text) => readRoute(text) ?? refuse(name, `${quoted(text)} is not a route`) ?? []))
  const hosts = valuesOf(found, 'Framed-IPv6-Prefix').filter((prefix) => prefix.endsWith('/128') || refuse('Framed-IPv6-Prefix', `${prefix}: clients get single addresses`))
  const pool = valueOf(found, 'Framed-Pool')
  const limits = SESSIONS.flatMap((name) => valuesOf(found, name)).filter((limit) => limit > 0 && limit <= 100_000)
  const rates = valuesOf(found, 'Mikrotik-Rate-Limit').map((text) => mikrotikRates(text) ?? refuse('Mikrotik-Rate-Limit', `${quoted(text)} is not understood`)).find((one) => one !== undefined)
  const banner = [...pairs.banner, ...valuesOf(found, 'ASA-Banner1'), ...valuesOf(found, 'ASA-Banner2')].join('')
  const domain = pairs.defaultDomain ?? valueOf(found, 'ASA-IPsec-Default-Domain')
  const lists: Partial<Record<PolicyKey, readonly string[]>> = {
    splitInclude: each('splitInclude', 'route', unique([...routes, ...valuesOf(found, 'Route-IPv6-Information'), ...pairs.splitInclude])),
    splitExclude: each('splitExclude', 'Cisco-AVPair', unique(pairs.splitExclude)),
    iroute: each('iroute', 'Delegated-IPv6-Prefix', unique(valuesOf(found, 'Delegated-IPv6-Prefix'))),
    dns: each('dns', 'DNS', unique([...DNS.flatMap((name) => valuesOf(found, name)), ...pairs.dns]).filter(isServer)).slice(0, 10),
    nbns: each('nbns', 'WINS', unique([...NBNS.flatMap((name) => valuesOf(found, name)), ...pairs.nbns]).filter(isServer)).slice(0, 4),
    splitDns: each('splitDns', 'split DNS', unique([...valuesOf(found, 'ASA-IPsec-Split-DNS-Names').flatMap((text) => text.split(/[,\s]+/)), ...pairs.splitDns].filter((text) => text !== ''))),
  }
  const single: Partial<Record<PolicyKey, string | number | undefined>> = {
    ipv4Address: address,
    ipv6Address: valueOf(found, 'Framed-IPv6-Address') ?? hosts[0]?.replace(/\/128$/, ''),
    pool: pool === undefined || place.hasPool(pool) ? pool : refuse('Framed-Pool', `there is no pool ${quoted(pool)}`),
    sessionTimeoutSec: seconds('Session-Timeout', 365 * 86_400),
    inactivityTimeoutSec: seconds('Idle-Timeout', 30 * 86_400),
    maxSessions: limits.length > 0 ? Math.min(...limits) : undefined,
    rateUp: bytesPerSec(rates?.up, valueOf(found, 'WISPr-Bandwidth-Max-Up'), valueOf(found, 'RP-Upstream-Speed-Limit')),
    rateDown: bytesPerSec(rates?.down, valueOf(found, 'WISPr-Bandwidth-Max-Down'), valueOf(found, 'RP-Downstream-Speed-Limit')),
    defaultDomain: domain === undefined ? undefined : checked('defaultDomain', domain, 'default domain', refuse),
    banner: banner === '' ? undefined : checked('banner', banner, 'banner', refuse),
  }
  const values = [...Object.entries(lists).filter(([, list]) => list.length > 0), ...Object.entries(single).filter(([, value]) => value !== undefined)]
  return { values: Object.fromEntries(values) as PolicyValues, problems }
}

/** Mikrotik's own, WISPr's bits a second, kilobits a second of Roaring Penguin; 0 is no limit. */
function bytesPerSec(own: number | undefined, bits: number | undefined, kilobits: number | undefined): number | undefined {
  const rate = own ?? (bits !== undefined ? Math.floor(bits / BITS) : kilobits !== undefined ? kilobits * KILOBIT : undefined)
  return rate === 0 ? undefined : rate
}

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)]
const isServer = (address: string): boolean => address !== '0.0.0.0' && address !== '255.255.255.255' && address !== '::'
const quoted = (text: string): string => JSON.stringify(text.slice(0, 80).replace(/[\p{C}]/gu, '?'))

/** As the file's own schema has it. */
function checked(property: PolicyKey, value: string | readonly string[], name: string, refuse: (name: string, problem: string) => undefined): string | undefined {
  const result = POLICY_KEYS[property].schema.safeParse(value)
  if (result.success) return result.data as string
  return refuse(name, result.error.issues[0]?.message ?? 'is not acceptable')
}

/** Attributes of a name we know whose bytes are not of its kind. */
const malformed = (found: readonly Found[]): string[] =>
  found.flatMap((one) => {
    const name: AttributeName | undefined = nameOf(one)
    return name === undefined || valuesOf([one], name).length > 0 ? [] : [`${name}: ${one.value.length} bytes that are no ${DICTIONARY[name].kind}`]
  })
