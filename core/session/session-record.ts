import type { ResolvedPolicy } from '../policy/policy.ts'
import { FormerKey } from './former-key.ts'
import type { Claim } from './lease-book.ts'
import { isUp, NEW_MACHINE, RESTORED_MACHINE, type Machine } from './session-machine.ts'
import type { Device, EndCause, Leases, Session, SessionState } from './session.ts'
import { TunnelTotals, type Totals } from './tunnel-totals.ts'

/** A session whose cookie no CONNECT has used ends after this long. */
export const UNUSED_LIMIT_MS = 5 * 60_000
/** After a restart every waiting session gets at least this long: openconnect tries for 300 s (reference protocol 6). */
export const RESUME_GRACE_MS = 5 * 60_000

export interface SessionSeed {
  readonly id: string
  readonly user: string
  readonly group: string
  readonly device: Device
  readonly policy: ResolvedPolicy
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
  readonly device: Device
  readonly policy: ResolvedPolicy
  /** Under which its addresses are claimed. */
  readonly claim: Claim
  keyId: string
  /** Handed out last, since this process began. */
  cookie: string | undefined
  createdAt: number
  expiresAt: number | undefined
  leases: Leases = {}
  peer: string
  tls: Session['tls']
  dtls: Session['dtls']
  connectedAt: number | undefined
  idleSince: number | undefined
  machine: Machine
  readonly totals: TunnelTotals
  readonly formerKey = new FormerKey()
  /** Monotonic: end of the session timeout, end of the wait. */
  endsAt = Infinity
  waitEndsAt = Infinity
  /** Differs from its row; packets in its row. */
  dirty = false
  savedPackets = 0n

  constructor(seed: SessionSeed) {
    this.id = seed.id
    this.user = seed.user
    this.group = seed.group
    this.device = seed.device
    this.policy = seed.policy
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
  get ended(): boolean {
    return this.machine.phase === 'ended'
  }

  /** Monotonic time at which something ends it, Infinity: never. */
  get due(): number {
    return Math.min(this.endsAt, this.machine.tunnel === undefined ? this.waitEndsAt : Infinity)
  }
  /** Why it ends when `due` has come. */
  get dueCause(): EndCause {
    if (this.endsAt <= this.waitEndsAt || this.machine.tunnel !== undefined) return 'session-timeout'
    if (!this.used) return 'login-unused'
    const { idleTimeoutSec: idle, disconnectedTimeoutSec: disconnected } = this.policy.values
    return idle > 0 && (disconnected === 0 || idle < disconnected) ? 'idle-timeout' : 'disconnected-timeout'
  }

  /** The wait begins, or goes on after `elapsed` ms of it. */
  wait(monotonic: number, elapsed = 0): void {
    const limit = this.waitLimitMs
    this.waitEndsAt = monotonic + Math.min(limit, Math.max(limit - elapsed, RESUME_GRACE_MS))
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
    if (this.dtls) this.dtls = { ...this.dtls, since: this.dtls.since + ms }
    this.dirty = true
  }
}
