import { contains, formatAddress, overlaps, parseAddress, parsePrefix, bits } from '../net/address.ts'
import { POLICY_KEYS, BUILT_IN_POLICY } from '../policy/keys.ts'
import type { PolicyKey, PolicyListKey, PolicyValues } from '../policy/policy.ts'
import { LeasePool } from '../session/lease-pool.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { quote } from './written.ts'

/** What is wrong with one key of a layer. */
export interface LayerProblem {
  readonly key: PolicyKey
  /** Below the key: which entry of a list. */
  readonly at?: readonly (string | number)[]
  readonly text: string
}
/** Where the layer stands. */
export interface LayerPlace {
  /** What the layers under it say. */
  readonly below: PolicyValues
  /** Of one user: only there an address may be somebody's own. */
  readonly ofUser: boolean
  /** The lowest: what it does not say is what is built in. */
  readonly lowest?: boolean
}

/**
 * What a layer may not say, by the pools and addresses of the gateway. A value is reported once, in the layer that sets
 * it. For `[policy]` of every kind, and for the values of a user before they are stored.
 */
export function layerProblems(own: PolicyValues, place: LayerPlace, config: GatewayConfig): readonly LayerProblem[] {
  return [...poolProblems(own, place, config), ...addressProblems(own, place, config), ...networkProblems(own, config), ...routeProblems(own, config)]
}

function poolProblems(own: PolicyValues, { below, lowest }: LayerPlace, { pools }: GatewayConfig): readonly LayerProblem[] {
  const name = own.pool ?? below.pool ?? BUILT_IN_POLICY.pool
  const pool = pools.get(name)
  if (!pool) {
    if (own.pool === undefined && !lowest) return []
    const names = [...pools.keys()]
    const list = names.slice(0, 10).map(quote).join(', ')
    return [{ key: 'pool', text: `there is no pool ${quote(name)}; the pools are ${list}${names.length > 10 ? ' and more' : ''}` }]
  }
  const mtu = own.mtu ?? below.mtu ?? BUILT_IN_POLICY.mtu
  if (pool.ipv6 === undefined || mtu >= 1280 || (own.mtu === undefined && own.pool === undefined)) return []
  const setHere = own.mtu !== undefined
  return [{ key: setHere ? 'mtu' : 'pool', text: `${setHere ? '' : 'mtu '}must be at least 1280, not ${mtu}, because pool ${quote(pool.name)} has IPv6` }]
}

function addressProblems(own: PolicyValues, { below, ofUser }: LayerPlace, { pools }: GatewayConfig): readonly LayerProblem[] {
  const pool = pools.get(own.pool ?? below.pool ?? BUILT_IN_POLICY.pool)
  return ([['ipv4Address', pool?.ipv4], ['ipv6Address', pool?.ipv6]] as const).flatMap(([key, cidr]): LayerProblem[] => {
    const address = own[key]
    if (address === undefined || address === '') return []
    if (!ofUser) return [{ key, text: `belongs to one user: postern user set NAME ${POLICY_KEYS[key].key}=${address}` }]
    if (!pool) return []
    if (cidr === undefined) return [{ key, text: `pool ${quote(pool.name)} has no ${key === 'ipv4Address' ? 'IPv4' : 'IPv6'} addresses` }]
    return new LeasePool(cidr).numberOf(address) === undefined ? [{ key, text: `${address} is not an address that pool ${quote(pool.name)} (${cidr}) hands out` }] : []
  })
}

/** Entries of a list, whether they replace or are appended. */
const entries = (own: PolicyValues, key: PolicyListKey): readonly { readonly key: PolicyKey; readonly at: readonly (string | number)[]; readonly entry: string }[] => [
  ...(own[key] ?? []).map((entry, index) => ({ key, at: [index], entry })),
  ...(own.append?.[key] ?? []).map((entry, index) => ({ key, at: ['append', index], entry })),
]

function networkProblems(own: PolicyValues, { gateway, pools }: GatewayConfig): readonly LayerProblem[] {
  return entries(own, 'iroute').flatMap(({ key, at, entry }): LayerProblem[] => {
    const prefix = parsePrefix(entry)
    if (!prefix) return []
    const pool = [...pools.values()].find(({ ipv4, ipv6 }) => [ipv4, ipv6].some((cidr) => cidr !== undefined && overlaps(parsePrefix(cidr) ?? prefix, prefix)))
    if (pool) return [{ key, at, text: `${entry} overlaps pool ${quote(pool.name)}` }]
    const listening = gateway.listen.find(({ address }) => {
      const own = parseAddress(address)
      return own !== undefined && own.value !== 0n && contains(prefix, own)
    })
    return listening ? [{ key, at, text: `${entry} holds ${listening.address}, where the gateway listens` }] : []
  })
}

/** A larger network may hold the gateway: clients keep a route to it. The address alone would take that route's place. */
function routeProblems(own: PolicyValues, { gateway }: GatewayConfig): readonly LayerProblem[] {
  const hosts = new Set([gateway.name, ...gateway.listen.map(({ address }) => address)].flatMap((text) => {
    const address = parseAddress(text)
    return address ? [`${formatAddress(address)}/${bits(address.family)}`] : []
  }))
  return entries(own, 'splitInclude').flatMap(({ key, at, entry }) =>
    hosts.has(entry) ? [{ key, at, text: `${entry} is the gateway itself: its own connections would go into the tunnel` }] : [])
}
