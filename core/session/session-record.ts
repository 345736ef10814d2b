import type { TunnelHandle, TunnelSpec } from '../dataplane.ts'
import type { PolicyLayer, ResolvedPolicy } from '../policy/policy.ts'
import { FormerKey } from './former-key.ts'
import { Inactivity } from './inactivity.ts'
import type { Claim } from './lease-book.ts'
import { SessionHistory, type SessionEvent } from './session-history.ts'
import { sessionLimit, type SessionLimit } from './session-limit.ts'
import { isUp, NEW_MACHINE, RESTORED_MACHINE, type Machine } from './session-machine.ts'
import type { Device, EndCause, LearnedKeepalive, Leases, Session, SessionState, TunnelEnd } from './session.ts'
import { endWarningSec } from './session-warning.ts'
import type { StrapKeys } from './strap-keys.ts'
import { Takeovers } from './takeovers.ts'
import { TunnelTotals, type Totals } from './tunnel-totals.ts'

/** A session whose cookie no CONNECT has used ends after this long. */
export const UNUSED_LIMIT_MS = 5 * 60_000
/** After a restart every waiting session gets at least this long: openconnect tries for 300 s (reference protocol 6). */
export const RESUME_GRACE_MS = 5 * 60_000

/** One reading of both clocks. */
export interface Instant {
  readonly monotonic: number
  readonly now: number
}

/** What the back-end said of the user: at the login, or of its own accord since. */
export interface SessionIdentity {
  readonly groups: readonly string[]
  readonly attributes?: PolicyLayer | undefined
  readonly ticket?: string | undefined
}

export interface SessionSeed {
  readonly id: string
  readonly user: string
  readonly group: string
  readonly host?: string | undefined
  readonly device: Device
  readonly policy: ResolvedPolicy
  readonly identity?: SessionIdentity
  readonly strapKeys?: StrapKeys
  readonly keyId: string
  readonly peer: string
  /** Wall clock, ms. */
  readonly createdAt: number
  readonly restored?: { readonly used: boolean; readonly totals: Totals }
}

/** The one mutable thing behind a `Session`. Wall clock times are for people, monotonic ones decide. */
export class SessionRecord implements Session {
  readonly id: string
  readonly user: string
  readonly group: string
  readonly host: string | undefined
  readonly device: Device
  policy: ResolvedPolicy
  /** Of the last CONNECT. */
  told: ResolvedPolicy | undefined
  identity: SessionIdentity
  strapKeys: StrapKeys
  /** Under which its addresses are claimed. */
  claim: Claim
  keyId: string
  /** Handed out last, since this process began. */
  cookie: string | undefined
  createdAt: number
  expiresAt: number | undefined
  leases: Leases = {}
  networks: readonly string[] = []
  peer: string
  tls: Session['tls']
  dtls: Session['dtls']
  mtu: number | undefined
  keepalive: LearnedKeepalive | undefined
  /** Of its tunnel, without secrets: those were handed over with it. */
  spec: TunnelSpec | undefined
  connectedAt: number | undefined
  idleSince: number | undefined
  waitsUntil: number | undefined
  tunnels = 0
  lastEnd: TunnelEnd | undefined
  machine: Machine
  lastTunnel: TunnelHandle | undefined
  /** Closed so that its client comes back. */
  sentRound: TunnelHandle | undefined
  readonly totals: TunnelTotals
  readonly formerKey = new FormerKey()
  readonly inactivity = new Inactivity()
  readonly takeovers = new Takeovers()
  private readonly events = new SessionHistory()
  /** Monotonic: end of the session timeout or the hours, end of the wait. */
  endsAt = Infinity
  limitCause: SessionLimit['cause'] = 'session-timeout'
  waitEndsAt = Infinity
  /** Monotonic: when its user is warned, when its payload is looked at. Neither ends it by itself. */
  warnsAt = Infinity
  looksAt = Infinity
  /** Differs from its row; packets in its row. */
  dirty = false
  savedPackets = 0n

  constructor(seed: SessionSeed) {
    this.id = seed.id
    this.user = seed.user
    this.group = seed.group
    this.host = seed.host
    this.device = seed.device
    this.policy = seed.policy
    this.identity = seed.identity ?? { groups: [] }
    this.strapKeys = seed.strapKeys ?? []
    const { platform, hostname, uniqueId } = seed.device
    this.claim = { session: seed.id, pool: seed.policy.values.pool, owner: JSON.stringify([seed.user, uniqueId ?? [platform ?? '', hostname ?? '']]) }
    this.keyId = seed.keyId
    this.peer = seed.peer
    this.createdAt = seed.createdAt
    this.totals = new TunnelTotals(seed.restored?.totals)
    this.machine = seed.restored?.used ? RESTORED_MACHINE : NEW_MACHINE
  }

  get state(): SessionState {
    return isUp(this.machine.phase) ? this.machine.phase : 'waiting'
  }
  get used(): boolean {
    return this.machine.phase !== 'unused'
  }
  get ticket(): string | undefined {
    return this.identity.ticket
  }
  get attributes(): PolicyLayer | undefined {
    return this.identity.attributes
  }
  get ended(): boolean {
    return this.machine.phase === 'ended'
  }

  get history(): readonly SessionEvent[] {
    return this.events.list()
  }
  note(event: SessionEvent): void {
    this.events.add(event)
  }

  /** Monotonic time at which something ends it, Infinity: never. */
  get endsBy(): number {
    return Math.min(this.endsAt, this.machine.tunnel === undefined ? this.waitEndsAt : Infinity)
  }
  /** Monotonic time at which somebody has to look at it. */
  get due(): number {
    return Math.min(this.endsBy, this.warnsAt, this.machine.tunnel === undefined ? Infinity : this.looksAt)
  }
  /** Why it ends when `endsBy` has come. */
  get dueCause(): EndCause {
    if (this.endsAt <= this.waitEndsAt || this.machine.tunnel !== undefined) return this.limitCause
    if (!this.used) return 'login-unused'
    const { idleTimeoutSec: idle, disconnectedTimeoutSec: disconnected } = this.policy.values
    return idle > 0 && (disconnected === 0 || idle < disconnected) ? 'idle-timeout' : 'disconnected-timeout'
  }

  /** The wait begins, or goes on after `elapsed` ms of it. */
  wait({ monotonic, now }: Instant, elapsed = 0): void {
    const limit = this.waitLimitMs
    const ms = Math.min(limit, Math.max(limit - elapsed, RESUME_GRACE_MS))
    this.waitEndsAt = monotonic + ms
    this.waitsUntil = ms === Infinity ? undefined : now + ms
  }

  /** Another policy: its clocks go on with the time that has passed. What waits has five minutes more at least. */
  renew(policy: ResolvedPolicy, instant: Instant): void {
    const { values: before } = this.policy
    const { values: after } = policy
    this.policy = policy
    if (!this.leases.ipv4 && !this.leases.ipv6) this.claim = { ...this.claim, pool: after.pool }
    const waitChanges = before.idleTimeoutSec !== after.idleTimeoutSec || before.disconnectedTimeoutSec !== after.disconnectedTimeoutSec
    if (waitChanges && this.used && this.machine.tunnel === undefined) this.wait(instant, Math.max(instant.now - (this.idleSince ?? instant.now), 0))
    if (before.sessionTimeoutSec !== after.sessionTimeoutSec || before.hours.join() !== after.hours.join()) this.settleLimit(instant)
    if (before.inactivityTimeoutSec !== after.inactivityTimeoutSec) this.looksAt = after.inactivityTimeoutSec === 0 ? Infinity : instant.monotonic
    this.dirty = true
  }

  /** The end that its policy has for it, by the wall clock of now. */
  settleLimit(instant: Instant): void {
    const limit = sessionLimit(this.createdAt, this.policy.values, instant.now)
    if (limit) return this.limit(instant, Math.max(limit.at - instant.now, 0), limit.cause)
    this.expiresAt = undefined
    this.endsAt = this.warnsAt = Infinity
  }
  /** It ends by itself in `ms`. */
  limit({ monotonic, now }: Instant, ms: number, cause: SessionLimit['cause']): void {
    this.limitCause = cause
    this.expiresAt = now + ms
    this.endsAt = monotonic + ms
    this.warnsAt = this.endsAt - Math.min(endWarningSec(this.policy.values) * 1000, ms)
  }
  /** Both the idle and the disconnected timeout run exactly while there is no tunnel: the shorter one counts. 0 = off. */
  private get waitLimitMs(): number {
    if (!this.used) return UNUSED_LIMIT_MS
    const { idleTimeoutSec: idle, disconnectedTimeoutSec: disconnected } = this.policy.values
    return Math.min(idle || Infinity, disconnected || Infinity) * 1000
  }

  /** The wall clock was set: what people read moves with it, what decides does not. */
  shiftWallClock(ms: number): void {
    this.createdAt += ms
    if (this.expiresAt !== undefined) this.expiresAt += ms
    if (this.connectedAt !== undefined) this.connectedAt += ms
    if (this.idleSince !== undefined) this.idleSince += ms
    if (this.waitsUntil !== undefined) this.waitsUntil += ms
    if (this.lastEnd) this.lastEnd = { ...this.lastEnd, at: this.lastEnd.at + ms }
    this.events.shiftWallClock(ms)
    if (this.dtls) this.dtls = { ...this.dtls, since: this.dtls.since + ms }
    this.dirty = true
  }
}
