import type { AccountingRecord } from './accounting-record.ts'

/** Records that wait for a server: about a day of 2,000 users without one. */
export const MAX_RECORDS = 20_000
/** What nobody wanted for this long goes, ms. */
export const MAX_AGE_MS = 7 * 86_400_000
/** That the gateway has begun or stopped is news for this long, and holds up all the others. */
export const MAX_BARRIER_AGE_MS = 10 * 60_000

export interface Queued {
  /** Ascending in the order in which things happened. */
  readonly id: number
  readonly record: AccountingRecord
  /** Monotonic, ms: when it happened. */
  readonly since: number
}

const GATEWAY = ''
const chainOf = ({ session }: AccountingRecord): string => session?.id ?? GATEWAY

/**
 * Records in the order that servers have to hear them in: those of one session one after the other, and what is said of the
 * gateway itself before everything later and after everything earlier. Bounded: the oldest interim record goes first.
 */
export class AccountingQueue {
  private readonly chains = new Map<string, Queued[]>()
  private readonly busy = new Map<string, Queued>()
  private readonly interims = new Map<number, Queued>()
  private count = 0
  /** Given up, since this process began. */
  dropped = 0

  constructor(private readonly limit = MAX_RECORDS) {}

  get size(): number {
    return this.count
  }
  get inFlight(): number {
    return this.busy.size
  }
  all(): readonly Queued[] {
    return [...this.chains.values()].flat()
  }
  /** Monotonic: when the oldest of them happened. */
  oldest(): number | undefined {
    let since: number | undefined
    for (const [first] of this.chains.values()) if (first && (since === undefined || first.since < since)) since = first.since
    return since
  }

  /** An interim record is of no use behind a newer one of its session, nor behind a stop. */
  add(queued: Queued): void {
    const key = chainOf(queued.record)
    if (queued.record.kind === 'interim' || queued.record.kind === 'stop') {
      for (const older of this.chains.get(key) ?? []) if (older.record.kind === 'interim' && this.busy.get(key) !== older) this.remove(older)
    }
    const chain = this.chains.get(key)
    if (chain) chain.push(queued)
    else this.chains.set(key, [queued])
    if (queued.record.kind === 'interim') this.interims.set(queued.id, queued)
    this.count++
    if (this.count > this.limit) this.giveUpOldest()
  }

  /** Up to `most` records that may be sent now, taken: each is put back with `failed` or done with `delivered`. `ready`: by the key of its chain. */
  take(most: number, ready: (chain: string) => boolean): readonly Queued[] {
    if (most <= 0) return []
    const barrier = this.chains.get(GATEWAY)?.[0]
    const taken: Queued[] = []
    let earlier = this.busy.size > 0
    for (const [key, [first]] of this.chains) {
      if (!first || key === GATEWAY || (barrier && first.id > barrier.id)) continue
      earlier = true
      if (!this.busy.has(key) && ready(key)) taken.push(first)
      if (taken.length >= most) break
    }
    if (barrier && !earlier && ready(GATEWAY)) taken.push(barrier)
    for (const queued of taken) this.busy.set(chainOf(queued.record), queued)
    return taken
  }

  delivered(queued: Queued): void {
    this.release(queued)
    this.remove(queued)
  }
  /** Its turn is behind the others' now. */
  failed(queued: Queued): void {
    const key = this.release(queued)
    const chain = this.chains.get(key)
    if (!chain) return
    this.chains.delete(key)
    this.chains.set(key, chain)
  }

  /** What has become too old. `now`: monotonic. */
  expire(now: number): void {
    for (const [key, chain] of this.chains) {
      const age = key === GATEWAY ? MAX_BARRIER_AGE_MS : MAX_AGE_MS
      for (const queued of chain) if (now - queued.since > age && this.busy.get(key) !== queued) this.giveUp(queued)
    }
  }

  static chain(queued: Queued): string {
    return chainOf(queued.record)
  }

  private release(queued: Queued): string {
    const key = chainOf(queued.record)
    if (this.busy.get(key) === queued) this.busy.delete(key)
    return key
  }
  private giveUpOldest(): void {
    const idle = (queued: Queued): boolean => this.busy.get(chainOf(queued.record)) !== queued
    for (const interim of this.interims.values()) if (idle(interim)) return this.giveUp(interim)
    for (const [first, second] of this.chains.values()) {
      const queued = first && idle(first) ? first : second
      if (queued) return this.giveUp(queued)
    }
  }
  private giveUp(queued: Queued): void {
    this.dropped++
    this.remove(queued)
  }
  private remove(queued: Queued): void {
    const key = chainOf(queued.record)
    const chain = this.chains.get(key) ?? []
    const rest = chain.filter((other) => other !== queued)
    if (rest.length === chain.length) return
    if (rest.length > 0) this.chains.set(key, rest)
    else this.chains.delete(key)
    this.interims.delete(queued.id)
    this.count--
  }
}
