import type { Audit } from '../audit.ts'
import type { Clock } from '../clock.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { DataPlane, DropHow, DtlsDownReason, ListenAddress, TunnelDown, TunnelFilter, TunnelHandle } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Logger } from '../log.ts'
import { endpointAddress, formatEndpoint } from '../net/address.ts'
import type { Policies, PolicyLayer } from '../policy/policy.ts'
import { TAKES_EFFECT } from '../policy/takes-effect.ts'
import type { Slots } from '../slots.ts'
import type { Store } from '../store/store.ts'
import { bareSpec, withFilter } from './bare-spec.ts'
import { ClientNetworks } from './client-networks.ts'
import { MAX_COOKIE_LENGTH, NEVER, openCookie, sealCookie } from './cookie.ts'
import type { CookieKeys } from './cookie-keys.ts'
import { auditEnd } from './end-audit.ts'
import { downClause, goodbyeText, readGoodbye, SESSION_ENDS } from './end-reasons.ts'
import { EndedSessions } from './ended-sessions.ts'
import { firstLook } from './inactivity.ts'
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
import { isUp, step, type MachineEvent } from './session-machine.ts'
import { SessionRecord } from './session-record.ts'
import { restoreSessions } from './session-restore.ts'
import { SessionRows } from './session-rows.ts'
import type { AttributesChange, CookieRefused, DownReason, EndCause, LearnedKeepalive, Leases, Login, Session, Sessions, TunnelStart } from './session.ts'
import { followedBy } from './strap-keys.ts'
import { TunnelRates } from './tunnel-rates.ts'
import type { Totals } from './tunnel-totals.ts'

/** The one version the data plane serves (reference protocol 9.1). */
const DTLS_VERSION = 'DTLSv1.2'

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
  private readonly byTunnel = new Map<TunnelHandle, SessionRecord>()
  private readonly rows: SessionRows
  private readonly leases: LeaseBook
  private readonly ownAddresses: OwnAddresses
  private readonly keeper: SessionKeeper
  private readonly keepalives: KeepaliveBook
  private readonly listeners: SessionListeners
  private readonly clock: SessionClock
  private readonly networks: ClientNetworks
  /** What a changed configuration means for the sessions. */
  readonly renewal: PolicyRenewal
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
    this.clock = new SessionClock({ ...parts, index: this.index, keepalives: this.keepalives, keeper: this.keeper, listeners: this.listeners, end: (id, cause) => void this.end(id, cause) })
    this.networks = new ClientNetworks(parts)
    this.renewal = new PolicyRenewal({ ...parts, clock: this.clock, index: this.index, listeners: this.listeners, rates: this.rates, rows: this.rows, end: (id, cause) => void this.end(id, cause) })
    this.round = new ReconnectRound(clock, (id) => this.sendRound(id))
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
    this.byTunnel.set(tunnel, record)
    record.totals.started(tunnel)
    const predecessor = record.lastTunnel
    record.lastTunnel = tunnel
    const networks = this.networks.start(record)
    const spec = this.rates.applied({ ...start.spec, ...(networks.length > 0 && { networks }), ...(predecessor !== undefined && { predecessor }) }, record)
    this.apply(record, { type: 'start', tunnel }, { start: { ...start, spec } })
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
    this.apply(record, { type: 'end', cause }, { text, how })
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
    if (record.machine.tunnel !== undefined) this.followKeepalive(record, record.machine.tunnel)
  }

  /** Clients that were told something else than what is in force come back for it with their cookies, a few at a time. How many. */
  reconnectOutdated(): number {
    const outdated = this.index.all().filter((record) => this.renewal.owed(record).length > 0)
    this.round.begin(outdated.map(({ id }) => id))
    return outdated.length
  }

  /** From the data plane. */
  tunnelUp(tunnel: TunnelHandle): void {
    const record = this.byTunnel.get(tunnel)
    if (!record) return
    if (record.machine.tunnel === tunnel) record.formerKey.keep((offer) => this.parts.dataPlane.dtlsSecret(offer))
    this.apply(record, { type: 'up', tunnel }, {})
  }

  /** From the data plane: the client speaks over DTLS. */
  dtlsUp(tunnel: TunnelHandle, cipher: string, former = false): void {
    const record = this.byTunnel.get(tunnel)
    if (!record) return
    record.formerKey.seen(former)
    this.apply(record, { type: 'dtls-up', tunnel }, { cipher })
  }

  /** From the data plane: the tunnel goes on over TLS. */
  dtlsDown(tunnel: TunnelHandle, reason: DtlsDownReason): void {
    const record = this.byTunnel.get(tunnel)
    if (record) this.apply(record, { type: 'dtls-down', tunnel, reason }, {})
  }

  /** From the data plane: the client's DTLS comes from elsewhere. */
  roamed(tunnel: TunnelHandle, peer: ListenAddress): void {
    const record = this.byTunnel.get(tunnel)
    if (record?.machine.tunnel !== tunnel) return
    const from = record.peer
    record.peer = formatEndpoint(peer.address, peer.port)
    record.dirty = true
    this.listeners.roamed(record, from)
    this.followKeepalive(record, tunnel)
  }

  /** From the data plane. */
  silence(tunnel: TunnelHandle, seconds: number, survived: boolean): void {
    const record = this.byTunnel.get(tunnel)
    if (!record?.spec?.learning) return
    this.keepalives.observe(endpointAddress(record.peer), seconds, survived)
    this.parts.log.debug('silence', { session: record.id, network: record.keepalive?.network, seconds, survived })
    this.followKeepalive(record, tunnel)
  }

  /** From the data plane: the path to the client takes more or less than before. */
  pathMtu(tunnel: TunnelHandle, mtu: number): void {
    const record = this.byTunnel.get(tunnel)
    if (!record || record.machine.tunnel !== tunnel) return
    record.mtu = mtu
    this.parts.log.info('path mtu', { session: record.id, user: record.user, mtu })
  }

  /** From the data plane: the last of this tunnel. */
  tunnelDown(tunnel: TunnelHandle, down: TunnelDown): void {
    const record = this.byTunnel.get(tunnel)
    if (!record) return
    this.byTunnel.delete(tunnel)
    record.totals.ended(tunnel, down.counters)
    if (record.machine.tunnel === tunnel) record.inactivity.tunnelEnded(down.counters)
    const said = down.reason === 'peer-disconnect'
    this.apply(record, { type: 'down', tunnel, reason: down.reason, goodbye: said ? readGoodbye(down.detail) : undefined }, { said: said ? goodbyeText(down.detail) : undefined })
    if (!record.ended) this.keeper.save([record])
  }

  private apply(record: SessionRecord, event: MachineEvent, why: { said?: string | undefined; cipher?: string; text?: string; how?: DropHow; start?: TunnelStart }): void {
    const { clock, dataPlane } = this.parts
    const { machine, effects } = step(record.machine, event)
    if (machine === record.machine) return
    // Read before a tunnel goes.
    if (effects.some((effect) => effect.do === 'close' || effect.do === 'drop')) this.counters(record)
    record.machine = machine
    record.dtls = machine.phase === 'dtls' ? { version: DTLS_VERSION, cipher: why.cipher ?? '', since: clock.now() } : undefined
    if (isUp(machine.phase)) record.idleSince = undefined
    else record.idleSince ??= clock.now()
    if (event.type === 'down') record.wait(this.clock.instant())
    else record.waitsUntil = undefined
    if (event.type === 'down') record.mtu = undefined
    if (event.type === 'down' && machine.tunnel === undefined) this.networks.stop(record)
    if (event.type === 'up') {
      record.connectedAt = clock.now()
      record.looksAt = firstLook(record, clock.monotonic())
    }
    if (machine.phase !== 'ended') this.clock.schedule(record)
    // Nothing of the DTLS channel is in the row.
    if (event.type !== 'dtls-up' && event.type !== 'dtls-down') record.dirty = true
    for (const effect of effects) {
      switch (effect.do) {
        case 'close': dataPlane.drop(effect.tunnel, 'close', ''); break
        case 'drop': dataPlane.drop(effect.tunnel, why.how ?? 'disconnect', why.text ?? ''); break
        case 'promote': this.promote(record, effect.tunnel, why.start); break
        case 'tell-up': this.listeners.up(record); break
        case 'tell-dtls-up': this.listeners.dtlsUp(record); break
        case 'tell-dtls-down': this.listeners.dtlsDown(record, effect.reason); break
        case 'tell-failed': this.listeners.failed(record, effect.reason, this.noteEnd(record, effect.reason, event)); break
        case 'tell-down': this.listeners.down(record, effect.reason, this.noteEnd(record, effect.reason, event), why.said); break
        case 'tell-ended': this.finish(record, effect.cause, event.type === 'down'); break
      }
    }
  }

  /** What has been learned since its CONNECT, or what is known where it is now. */
  private followKeepalive(record: SessionRecord, tunnel: TunnelHandle): void {
    if (!record.spec?.learning || record.machine.tunnel !== tunnel) return
    const keepalive = this.keepalive(record, endpointAddress(record.peer))
    if (!keepalive) return
    record.keepalive = keepalive
    if (keepalive.probeSec === record.spec.dtlsDpdSec) return
    record.spec = { ...record.spec, dtlsDpdSec: keepalive.probeSec }
    this.parts.dataPlane.updateTunnel(tunnel, record.spec)
  }

  private sendRound(id: string): void {
    const record = this.index.get(id)
    const keys = record ? this.renewal.owed(record) : []
    if (!record || record.machine.tunnel === undefined || keys.length === 0) return
    this.listeners.sentRound(record, keys)
    this.parts.dataPlane.drop(record.machine.tunnel, 'close', '')
  }

  private noteEnd(record: SessionRecord, reason: DownReason, event: MachineEvent): string {
    const text = downClause(event)
    record.lastEnd = { reason, at: this.parts.clock.now(), text }
    return text
  }

  private promote(record: SessionRecord, tunnel: TunnelHandle, start: TunnelStart | undefined): void {
    if (!start) throw new Error('a promotion needs its connection')
    const { connection, spec, head, early, seen } = start
    const offered = record.formerKey.offered(spec)
    record.spec = bareSpec(offered)
    this.parts.dataPlane.promote({ connection: connection.handle, tunnel, spec: offered, head, early, seen })
    spec.dtls?.masterSecret?.fill(0)
  }

  private finish(record: SessionRecord, cause: EndCause, nobodyWaits: boolean): void {
    this.index.delete(record)
    this.networks.forget(record)
    record.formerKey.wipe()
    this.clock.forget(record)
    const { id, user, claim, leases } = record
    this.lately.add({ id, user, cause })
    const alongside = (): void => auditEnd(this.parts.audit, { id, user, cause }, { record, totals: this.counters(record) })
    if (nobodyWaits) this.keeper.buryLater(claim, leases, alongside)
    else this.keeper.bury(claim, leases, alongside)
    this.listeners.ended(record, cause)
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
