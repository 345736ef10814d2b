import type { Contribution, Leases, Policy } from '../../core/api.ts'
import type { Header } from './headers.ts'

type Names = Pick<Contribution, 'dns' | 'splitDns'>

/**
 * How the client resolves names (reference/protocol section 7.2, reference/cisco section 3). Cisco's clients refuse IPv6 in
 * `X-CSTP-DNS`. Domains go out one for each header and without `*.`: every client matches what is below a domain anyway.
 */
export function nameHeaders(policy: Policy, leases: Leases, cisco: boolean, contributions: readonly Names[]): readonly Header[] {
  const servers = policy.dns.length > 0 ? policy.dns : contributions.flatMap(({ dns }) => dns ?? [])
  const reachable = servers.filter((server) => (server.includes(':') ? leases.ipv6 : leases.ipv4))
  const domains = unique([policy.defaultDomain, ...policy.search].filter((domain) => domain !== ''))
  // openconnect does not know Tunnel-All-DNS: told domains, it sends no other name through the tunnel.
  const offered = policy.tunnelAllDns ? [] : contributions.flatMap(({ splitDns }) => splitDns ?? [])
  const split = policy.splitDns.length > 0 ? policy.splitDns : offered
  return [
    ...reachable.map((server): Header => [cisco && server.includes(':') ? 'X-CSTP-DNS-IP6' : 'X-CSTP-DNS', server]),
    ...(leases.ipv4 ? unique(policy.nbns).map((server): Header => ['X-CSTP-NBNS', server]) : []),
    ...(domains.length === 0 ? [] : [['X-CSTP-Default-Domain', domains.join(' ')] as const]),
    ...unique(split.map((domain) => domain.replace(/^\*\./, ''))).map((domain): Header => ['X-CSTP-Split-DNS', domain]),
  ]
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
