import type { Audit, Clock, Logger, PolicyLayer, PolicySource, ResolvedPolicy, Session, SessionListener, Sessions } from '../../core/api.ts'
import { quotaText } from './limit-texts.ts'
import { parseQuota, type Period } from './quota.ts'
import type { UsageBook } from './usage-book.ts'
import type { UsageTable } from './usage-table.ts'

/** How often sessions are asked what they have moved, and how many of these looks may pass before it is in the store. */
const LOOK_MS = 10_000
const SAVE_LOOKS = 6

export interface QuotaWatchParts {
  readonly audit: Audit
  readonly book: UsageBook
  readonly clock: Clock
  readonly log: Logger
  readonly sessions: Pick<Sessions, 'list' | 'counters' | 'end' | 'renewPolicies'>
  readonly table: Pick<UsageTable, 'save'>
}
interface Slowed {
  readonly period: Period
  readonly bytes: number
  /** Bytes a second, `quota-rate` of the policy. */
  readonly rate: number
}

/**
 * Counts what sessions with a quota move, and does what their policy says when it is used up. Who is slowed has the rate as a
 * bound of all layers of policy, which goes with the period.
 */
export class QuotaWatch implements SessionListener, PolicySource {
  private readonly seen = new Map<string, bigint>()
  private readonly slowed = new Map<string, Slowed>()
  private looks = 0
  private refused = false
  private timer: { cancel(): void } | undefined

  constructor(private readonly parts: QuotaWatchParts) {}

  start(): void {
    const { clock, sessions } = this.parts
    // What was counted before the start is in the store.
    for (const session of sessions.list()) {
      this.seen.set(session.id, this.moved(session))
      this.slow(session)
    }
    const look = (): void => {
      this.timer = clock.after(LOOK_MS, look)
      this.look()
      if (++this.looks % SAVE_LOOKS === 0) this.save()
    }
    this.timer = clock.after(LOOK_MS, look)
  }
  stop(): void {
    this.timer?.cancel()
    for (const session of this.parts.sessions.list()) this.count(session)
    this.save()
  }

  sessionCreated(session: Session): void {
    this.seen.set(session.id, 0n)
    this.slow(session)
  }
  /** A quota that comes while a session stands counts from then on. */
  policyChanged(session: Session, before: ResolvedPolicy): void {
    if (before.values.quota === '') this.seen.set(session.id, this.moved(session))
  }
  sessionEnded(session: Session): void {
    this.count(session)
    this.seen.delete(session.id)
    this.save()
  }

  layer(name: string): PolicyLayer | undefined {
    const slowed = this.slowed.get(name.toLowerCase())
    return slowed && this.parts.book.beyond(name, slowed, this.parts.clock.now()) ? { origin: 'quota', values: {}, atMost: { userRateUp: slowed.rate, userRateDown: slowed.rate } } : undefined
  }

  /** The user begins anew. */
  reset(name: string): boolean {
    const known = this.parts.book.forget(name)
    this.free(name.toLowerCase())
    return known
  }

  private look(): void {
    for (const session of this.parts.sessions.list()) this.count(session)
    for (const session of this.parts.sessions.list()) this.judge(session)
    for (const [user, slowed] of this.slowed) if (!this.parts.book.beyond(user, slowed, this.parts.clock.now())) this.free(user)
  }

  private count(session: Session): void {
    const quota = parseQuota(session.policy.values.quota)
    if (!quota) return
    const moved = this.moved(session)
    const before = this.seen.get(session.id) ?? moved
    this.seen.set(session.id, moved)
    this.parts.book.add(session.user, quota, Number(moved - before), this.parts.clock.now())
  }

  private judge(session: Session): void {
    const { audit, book, clock, log, sessions } = this.parts
    const { user, policy: { values } } = session
    const quota = parseQuota(values.quota)
    const now = clock.now()
    if (!quota) return
    const reached = book.reached(user, quota, now)
    if (reached !== undefined) {
      log.warn(reached === 100 ? 'quota used up' : 'quota nearly used up', { user, quota: values.quota, percent: reached, action: values.quotaAction })
      audit.record({ action: reached === 100 ? 'quota.reached' : 'quota.warning', actor: user, ok: true, detail: `${reached} % of ${values.quota}` })
    }
    if (values.quotaAction === 'cut' && book.beyond(user, quota, now)) sessions.end(session.id, 'quota', quotaText(quota, now))
    this.slow(session)
  }

  /** Where the policy wants that, and the quota is used up. */
  private slow({ user, policy: { values } }: Session): void {
    const quota = parseQuota(values.quota)
    if (!quota || values.quotaAction !== 'slow' || !this.parts.book.beyond(user, quota, this.parts.clock.now())) return
    const rate = values.quotaRate
    if (this.slowed.get(user.toLowerCase())?.rate === rate) return
    this.slowed.set(user.toLowerCase(), { ...quota, rate })
    this.renew(user)
  }
  private free(user: string): void {
    if (this.slowed.delete(user)) this.renew(user)
  }
  private renew(user: string): void {
    try {
      this.parts.sessions.renewPolicies(user)
    } catch (error) {
      // With the next change of policy, or the next login.
      this.parts.log.warn('the rate of a quota is not in force', { user, error })
    }
  }

  private moved(session: Session): bigint {
    const { rxBytes, txBytes } = this.parts.sessions.counters(session)
    return rxBytes + txBytes
  }

  private save(): void {
    const { book, log, table } = this.parts
    const rows = book.unsaved()
    if (rows.length === 0) return
    try {
      table.save(rows)
      book.saved()
      this.refused = false
    } catch (error) {
      if (!this.refused) log.warn('the usage of quotas is not stored yet', { users: rows.length, error })
      this.refused = true
    }
  }
}
