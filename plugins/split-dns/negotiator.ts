import type { ConnectRequest, Contribution, GatewayConfig, Negotiator, Session } from '../../core/api.ts'
import { poolAddresses } from './gateway-addresses.ts'
import type { Resolver } from './resolver.ts'

/** Tells clients of the resolver: its address where their policy names no DNS server, the names of its zones where that has no split-dns. */
export class DnsNegotiator implements Negotiator {
  readonly name = 'split-dns'
  /** With the last CONNECT. */
  private readonly told = new WeakMap<Session, string>()

  constructor(private readonly config: Pick<GatewayConfig, 'pools'>, private readonly resolver: Pick<Resolver, 'zones'>) {}

  negotiate(_request: ConnectRequest, session: Session): Contribution {
    const contribution = this.contribution(session)
    this.told.set(session, JSON.stringify(contribution))
    return contribution
  }

  outdated(session: Session): boolean {
    const told = this.told.get(session)
    return told !== undefined && told !== JSON.stringify(this.contribution(session))
  }

  private contribution(session: Session): Contribution {
    const { dns, pool: name, splitInclude } = session.policy.values
    const pool = this.config.pools.get(name)
    const own = pool ? poolAddresses(pool) : []
    const { names, upstream } = this.resolver.zones.of(session.group)
    const served = names.length > 0 || upstream
    const asked = dns.length === 0 ? served : dns.some((address) => own.includes(address))
    if (!asked) return { headers: [] }
    // Who sends everything through the tunnel asks here for every name; split names would send the others to a resolver of the local network.
    const split = splitInclude.length > 0 || !upstream
    return { headers: [], dns: own, ...(split ? { splitDns: names } : {}) }
  }
}
