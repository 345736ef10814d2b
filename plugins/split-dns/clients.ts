import { contains, parseAddress, parsePrefix, type Clock, type Prefix, type Session, type SessionListener } from '../../core/api.ts'
import { TokenBucket } from './rate.ts'

/** Of one session: a browser that opens many pages at once passes, a loop does not. */
export const QUERIES_PER_SECOND = 100
export const QUERY_BURST = 400
/** Beyond that, so many refusals a second, then no answer. */
export const REFUSALS_PER_SECOND = 50
/** Queries of one session that wait for a server. */
export const MAX_WAITING = 100

/** A session as the resolver knows it. */
export class Client {
  readonly bucket: TokenBucket
  readonly refusals: TokenBucket
  waiting = 0
  connections = 0
  readonly addresses: readonly string[]
  /** Networks behind it. */
  readonly networks: readonly Prefix[]

  constructor(readonly session: Session, now: number) {
    const { ipv4, ipv6 } = session.leases
    this.bucket = new TokenBucket(QUERIES_PER_SECOND, QUERY_BURST, now)
    this.refusals = new TokenBucket(REFUSALS_PER_SECOND, REFUSALS_PER_SECOND, now)
    this.addresses = [ipv4, ipv6].flatMap((lease) => lease?.address ?? [])
    this.networks = session.policy.values.iroute.flatMap((text) => parsePrefix(text) ?? [])
  }
}

/** Who asks, by source address: the addresses of tunnels, and the networks behind them. The data plane lets no other source through. */
export class Clients implements SessionListener {
  private readonly bySession = new Map<string, Client>()
  private readonly byAddress = new Map<string, Client>()
  private readonly routers = new Set<Client>()

  constructor(private readonly clock: Clock) {}

  tunnelUp(session: Session): void {
    if (!this.bySession.has(session.id)) this.add(new Client(session, this.clock.monotonic()))
  }
  policyChanged(session: Session): void {
    if (!this.bySession.has(session.id)) return
    this.sessionEnded(session)
    this.tunnelUp(session)
  }
  sessionEnded({ id }: Session): void {
    const client = this.bySession.get(id)
    if (!client) return
    this.bySession.delete(id)
    this.routers.delete(client)
    for (const address of client.addresses) if (this.byAddress.get(address) === client) this.byAddress.delete(address)
  }

  /** undefined: a stranger. */
  at(address: string): Client | undefined {
    const known = this.byAddress.get(address)
    if (known) return known
    const asked = this.routers.size > 0 ? parseAddress(address) : undefined
    return asked && [...this.routers].find(({ networks }) => networks.some((prefix) => contains(prefix, asked)))
  }

  private add(client: Client): void {
    this.bySession.set(client.session.id, client)
    for (const address of client.addresses) this.byAddress.set(address, client)
    if (client.networks.length > 0) this.routers.add(client)
  }
}
