import type { Audit } from '../audit.ts'
import type { Clock } from '../clock.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { DataPlane, DropHow, TunnelFilter, TunnelHandle } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Logger } from '../log.ts'
import { endpointAddress, formatEndpoint } from '../net/address.ts'
import type { Policies, PolicyLayer } from '../policy/policy.ts'
import { TAKES_EFFECT } from '../policy/takes-effect.ts'
import type { Slots } from '../slots.ts'
import type { Store } from '../store/store.ts'
import { withFilter } from './bare-spec.ts'
import { ClientNetworks } from './client-networks.ts'
import { MAX_COOKIE_LENGTH, NEVER, openCookie, sealCookie } from './cookie.ts'
import type { CookieKeys } from './cookie-keys.ts'
import { auditEnd } from './end-audit.ts'
import { SESSION_ENDS } from './end-reasons.ts'
import { EndedSessions } from './ended-sessions.ts'
import { KeepaliveBook } from './keepalive-book.ts'
import { LeaseBook } from './lease-book.ts'
import { OwnAddresses } from './own-addresses.ts'
import type { PolicyChange } from './policy-change.ts'
import { PolicyRenewal } from './policy-renewal.ts'
import { PoolPressure } from './pool-pressure.ts'
import { ReconnectRound } from './reconnect-round.ts'
import { SessionClock } from './session-clock.ts'
import { newSessionId } from './session-id.ts'
import { SessionIndex } from './session-index.ts'
import { SessionKeeper } from './session-keeper.ts'
import { givingWay, sessionsOfUser } from './session-limits.ts'
import { SessionListeners } from './session-listeners.ts'
import { SessionMoves } from './session-moves.ts'
import { SessionRecord } from './session-record.ts'
import { restoreSessions } from './session-restore.ts'
import { SessionRows } from './session-rows.ts'
import type { AttributesChange, CookieRefused, EndCause, LearnedKeepalive, Leases, Login, Session, Sessions, TunnelStart } from './session.ts'
import { followedBy } from './strap-keys.ts'
import { TunnelKeepalive } from './tunnel-keepalive.ts'
import { TunnelRates } from './tunnel-rates.ts'
import { TunnelReports } from './tunnel-reports.ts'
import type { Totals } from './tunnel-totals.ts'

export interface SessionTableParts {
  readonly audit: Audit
  readonly clock: Clock
  readonly config: Pick<GatewayConfig, 'pools' | 'gateway' | 'groups'>
  readonly dataPlane: DataPlane
  readonly health: Health
  readonly keys: CookieKeys
  readonly log: Logger
  readonly policies: Policies
  readonly slots: Slots
  readonly store: Store
}

/**
 * Sessions, their leases and their tunnels. Rows are committed before a caller goes on. Within a second or with the next
 * claim of leases: the end of a session by a client's BYE, which nobody waits for. Within a minute and when a tunnel ends:
 * what only people read (counters, the last peer).
 */
export class SessionTable implements Sessions {
  private readonly index = new SessionIndex()
  private readonly rows: SessionRows
  private readonly leases: LeaseBook
  private readonly ownAddresses: OwnAddresses
  private readonly keeper: SessionKeeper
  private readonly keepalives: KeepaliveBook
  private readonly listeners: SessionListeners
  private readonly clock: SessionClock
  private readonly networks: ClientNetworks
  private readonly moves: SessionMoves
  private readonly channels: TunnelKeepalive
  /** What the data plane says. */
  readonly reports: TunnelReports
  /** What a changed configuration means for the sessions. */
  readonly renewal: PolicyRenewal
  /** Clients that have to come for it. */
  readonly round: ReconnectRound
  private readonly lately = new EndedSessions()
  private readonly rates = new TunnelRates()
  private lastTunnel = 0

  constructor(private readonly parts: SessionTableParts) {
    const { clock, store, config } = parts
    this.rows = new SessionRows(store)
    this.leases = new LeaseBook(store, clock, config.pools, new PoolPressure(parts.health))
    this.ownAddresses = new OwnAddresses(parts.slots.policySource, this.leases, this.index)
    this.keeper = new SessionKeeper(store, this.rows, this.leases, parts.log, (record) => this.counters(record))
    this.keepalives = new KeepaliveBook(store, clock, parts.log)
    this.listeners = new SessionListeners(parts.slots.sessionEvents, parts.log, clock)
    const shared = { ...parts, index: this.index, keeper: this.keeper, listeners: this.listeners, end: (id: string, cause: EndCause) => void this.end(id, cause) }
    this.clock = new SessionClock({ ...shared, keepalives: this.keepalives })
    this.networks = new ClientNetworks(parts)
    this.moves = new SessionMoves({ ...shared, clock: this.clock, lately: this.lately, networks: this.networks, totals: (record) => this.counters(record) })
    this.channels = new TunnelKeepalive(this.keepalives, parts.dataPlane, parts.log)
    this.reports = new TunnelReports({ ...shared, keepalive: this.channels, moves: this.moves })
    this.renewal = new PolicyRenewal({ ...shared, clock: this.clock, rates: this.rates, rows: this.rows })
    this.round = new ReconnectRound({ ...shared, renewal: this.renewal })
  }

  /** Reads the rows; sessions wait for their clients. Then the tick begins. */
  start(): void {
    const { kept, lost } = restoreSessions({ ...this.parts, rows: this.rows.all(), leases: this.leases.load() })
    for (const record of kept) {
      this.index.add(record)
      this.clock.schedule(record)
    }
    for (const { claim, leases, ended } of lost) {
      if (ended) this.lately.add(ended)
      this.keeper.bury(claim, leases, ended && (() => auditEnd(this.parts.audit, ended)))
    }
    this.keeper.tidy()
    this.clock.start()
    if (kept.length > 0) this.parts.log.info('sessions restored', { sessions: kept.length })
  }

  /** The gateway stops: counters are saved, no session ends. */
  stop(): void {
    this.clock.stop()
    this.networks.close()
    this.round.stop()
    this.keeper.retry()
    this.keeper.save(this.index.all())
    this.keepalives.save()
  }

  create(login: Login, alongside?: (session: Session) => void): Session {
    const { clock, keys, policies, config } = this.parts
    const { identity, group, host, device, peer, strapKey } = login
    const policy = policies.resolve({ user: identity.user, group, host, groups: identity.groups, attributes: identity.attributes })
    const own = this.index.ofUser(identity.user)
    const now = clock.now()
    const record = new SessionRecord({ id: newSessionId(), user: identity.user, group, host, device, policy, identity: { groups: identity.groups, attributes: identity.attributes, ticket: identity.ticket }, ...(strapKey && { strapKeys: [strapKey] }), keyId: keys.current().id, peer, createdAt: now })
    const leaving = givingWay(record, own, this.index.size, { own: sessionsOfUser(policy.values), total: config.gateway.maxSessions, replace: policy.values.maxSessionsAction === 'replace' }, (other) => this.silentMs(other))
    this.ownAddresses.check(record)
    record.idleSince = now
    record.wait(this.clock.instant())
    record.settleLimit(this.clock.instant())
    this.rows.insert(record, alongside)
    this.index.add(record)
    this.clock.schedule(record)
    for (const { record: { id }, cause } of leaving) this.end(id, cause)
    this.listeners.created(record)
    return record
  }

  cookie(session: Session): string {
    const record = this.record(session)
    const { keys, clock } = this.parts
    const key = keys.get(record.keyId) ?? keys.current()
    if (key.id !== record.keyId) {
      record.keyId = key.id
      this.rows.update(record, this.counters(record))
    }
    const cookie = sealCookie({ session: record.id, issued: clock.now(), expires: record.expiresAt ?? NEVER }, key)
    this.index.setCookie(record, cookie)
    return cookie
  }

  byCookie(cookie: string): { readonly session: Session } | CookieRefused {
    if (cookie.length > MAX_COOKIE_LENGTH) return { refused: 'malformed' }
    const record = this.index.ofCookie(cookie) ?? this.opened(cookie)
    if (!(record instanceof SessionRecord)) return record
    if (record.endsBy <= this.parts.clock.monotonic()) {
      this.end(record.id, record.dueCause)
      return { refused: 'expired', ended: this.lately.get(record.id) }
    }
    return { session: record }
  }

  get(id: string): Session | undefined {
    return this.index.get(id)
  }
  list(): readonly Session[] {
    return this.index.all()
  }

  claimLeases(session: Session, families: { readonly ipv4: boolean; readonly ipv6: boolean }): Leases {
    const record = this.record(session)
    if (record.leases.ipv4 || record.leases.ipv6) return record.leases
    record.leases = this.leases.claim(record.claim, { ...families, ...this.ownAddresses.of(record) }, (work) => this.keeper.withBurials(work))
    return record.leases
  }

  followStrapKey(session: Session, next: Uint8Array): void {
    const record = this.record(session)
    record.strapKeys = followedBy(record.strapKeys, next)
    record.dirty = true
    this.keeper.save([record])
  }

  /** The pools of the configuration have changed: those of `homeless` should have ended before. */
  reconfigurePools(): void {
    this.leases.reconfigure(this.parts.config.pools)
    this.networks.renew()
  }

  keepalive(session: Session, address: string): LearnedKeepalive | undefined {
    return this.keepalives.plan(address, session.policy.values)
  }

  startTunnel(start: TunnelStart): void {
    const { connection } = start
    const record = this.record(start.session)
    const { clock, dataPlane } = this.parts
    const { tunnel: older } = record.machine
    if (older !== undefined && !record.takeovers.take(clock.monotonic())) {
      const peer = formatEndpoint(connection.peer.address, connection.peer.port)
      if (record.takeovers.tell(clock.monotonic())) this.listeners.contested(record, peer)
      throw new GatewayError('SESSION_CONTESTED', `two clients use session ${record.id}`)
    }
    const last = older === undefined ? undefined : dataPlane.tunnelCounters(older)
    if (last) record.inactivity.tunnelEnded(last)
    record.tunnels++
    const tunnel = ++this.lastTunnel as TunnelHandle
    const from = record.peer
    record.peer = formatEndpoint(connection.peer.address, connection.peer.port)
    record.keepalive = start.spec.learning ? this.keepalive(record, connection.peer.address) : undefined
    if (endpointAddress(from) !== connection.peer.address) this.listeners.roamed(record, from)
    record.tls = { version: connection.tlsVersion, cipher: connection.cipher }
    record.dirty = true
    record.mtu = start.spec.mtu
    record.told = record.policy
    this.reports.expect(tunnel, record)
    record.totals.started(tunnel)
    const predecessor = record.lastTunnel
    record.lastTunnel = tunnel
    const networks = this.networks.start(record)
    const spec = this.rates.applied({ ...start.spec, ...(networks.length > 0 && { networks }), ...(predecessor !== undefined && { predecessor }) }, record)
    this.moves.move(record, { type: 'start', tunnel, over: older !== undefined && older === record.sentRound ? 'sent-round' : 'superseded' }, { start: { ...start, spec } })
  }

  setFilter(id: string, filter: TunnelFilter | undefined): void {
    const record = this.index.get(id)
    const { tunnel } = record?.machine ?? {}
    if (!record?.spec || tunnel === undefined) return
    record.spec = withFilter(record.spec, filter)
    this.parts.dataPlane.updateTunnel(tunnel, record.spec)
  }

  counters(session: Session): Totals {
    const { dataPlane } = this.parts
    return session instanceof SessionRecord ? session.totals.read((tunnel) => dataPlane.tunnelCounters(tunnel)) : this.counters(this.record(session))
  }

  end(id: string, cause: EndCause, text = SESSION_ENDS[cause].text, how: DropHow = 'disconnect'): boolean {
    const record = this.index.get(id)
    if (!record) return false
    this.moves.move(record, { type: 'end', cause }, { text, how })
    return true
  }

  renewPolicies(user?: string): number {
    const { changes, cuts } = this.renewal.renew(user)
    for (const change of changes) this.followPolicy(change)
    return changes.filter(({ changed }) => changed.length > 0).length + cuts.length
  }

  setAttributes(id: string, attributes: PolicyLayer | undefined): AttributesChange | undefined {
    const record = this.index.get(id)
    if (!record) return undefined
    const change = this.renewal.setAttributes(record, attributes)
    if (change) this.followPolicy(change)
    const changed = change?.changed ?? []
    return { changed, later: changed.filter((key) => TAKES_EFFECT[key] !== 'live') }
  }

  private followPolicy({ record, changed }: PolicyChange): void {
    if (changed.includes('iroute')) this.networks.follow(record)
    this.channels.follow(record)
  }

  private opened(cookie: string): SessionRecord | CookieRefused {
    const content = openCookie(cookie, (id) => this.parts.keys.get(id))
    if (typeof content === 'string') return { refused: content }
    const expired = content.expires <= this.parts.clock.now()
    return this.index.get(content.session) ?? { refused: expired ? 'expired' : 'terminated', ended: this.lately.get(content.session) }
  }

  private silentMs({ machine: { tunnel } }: SessionRecord): number {
    return tunnel === undefined ? 0 : Number(this.parts.dataPlane.tunnelCounters(tunnel)?.silentMs ?? 0n)
  }

  private record(session: Session): SessionRecord {
    const record = this.index.get(session.id)
    if (!record) throw new GatewayError('SESSION_UNKNOWN', 'the session has ended')
    return record
  }
}
