import type { Leases, Policy } from '../../core/api.ts'
import type { Header } from './headers.ts'
import { networkOfLease, splitNetwork, type SplitNetwork } from './network.ts'

export interface SplitRoutes {
  readonly policy: Pick<Policy, 'splitInclude' | 'splitExclude' | 'localLan'>
  readonly leases: Leases
  readonly ios: boolean
  /** The gateway as the client knows it: an address, perhaps of its NAT. */
  readonly gateway: readonly string[]
}

/**
 * Which networks go through the tunnel (reference/protocol section 7.2, reference/cisco section 3): each once. None of a
 * family: all of it. The gateway's own address is left out where it stands alone; in a larger network clients keep their way to it.
 */
export function splitHeaders(routes: SplitRoutes): readonly Header[] {
  const { ipv4, ipv6 } = routes.leases
  return [...(ipv4 ? familyHeaders(routes, ipv4, 4) : []), ...(ipv6 ? familyHeaders(routes, ipv6, 6) : [])]
}

/** iOS does not take the IPv6 default route (reference/cisco section 3). */
const IOS_EVERYTHING = ['2000::/3', '64:ff9b::/96'] as const
/** The client's own link stays reachable; the first of the excluded. */
const LOCAL_LAN = { 4: '0.0.0.0/255.255.255.255', 6: '::/128' } as const
const EVERYTHING = { 4: '0.0.0.0/0.0.0.0', 6: '::/0' } as const

function familyHeaders({ policy, ios, gateway }: SplitRoutes, lease: NonNullable<Leases['ipv4']>, family: 4 | 6): readonly Header[] {
  const suffix = family === 6 ? '-IP6' : ''
  const excluded = [...(policy.localLan ? [LOCAL_LAN[family]] : []), ...networks(policy.splitExclude, family)]
  const header = (name: string) => (text: string): Header => [`X-CSTP-Split-${name}${suffix}`, text]
  return [...unique(included(policy.splitInclude, lease, family, ios, gateway)).map(header('Include')), ...unique(excluded).map(header('Exclude'))]
}

function included(all: readonly string[], lease: NonNullable<Leases['ipv4']>, family: 4 | 6, ios: boolean, gateway: readonly string[]): readonly string[] {
  const own = networks(all, family)
  if (all.length === 0 || own.includes(EVERYTHING[family])) return family === 6 && ios ? IOS_EVERYTHING : []
  const hosts = gateway.map((address) => splitNetwork(`${address}/${address.includes(':') ? 128 : 32}`)?.text)
  const left = own.filter((text) => !hosts.includes(text))
  if (left.length > 0) return left
  // A family without a network of its own would become a default route: its pool alone stands in.
  return [networkOfLease(lease)?.text].filter((text) => text !== undefined)
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
const networks = (cidrs: readonly string[], family: 4 | 6): string[] =>
  cidrs.map(splitNetwork).filter((network): network is SplitNetwork => network?.family === family).map(({ text }) => text)
