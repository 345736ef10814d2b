import type { Clock, Health } from '../../core/api.ts'
import { accountingAttributes } from './accounting-attributes.ts'
import { AccountingQueue, type Queued } from './accounting-queue.ts'
import type { AccountingSpool } from './accounting-spool.ts'
import type { Attribute } from './packet.ts'

/** Records under way while servers answer; while none does, one. */
const WINDOW = 32
const FIRST_PAUSE_MS = 2000
/** Between two tries of one record: while no server answers, and while they answer others. */
const MAX_PAUSE_MS = 30_000
const MAX_CHAIN_PAUSE_MS = 600_000
const LATE_MS = 60_000
const LOOK_MS = 2000
const CODE = 'RADIUS_ACCOUNTING'

export interface SenderParts {
  readonly clock: Clock
  readonly health: Health
  readonly spool: AccountingSpool
  /** Asks the servers in their order; true when one has answered. `attributes`: called when it is sent. */
  deliver(attributes: () => readonly Attribute[]): Promise<boolean>
}
interface Pause {
  readonly tries: number
  readonly until: number
}

/** Brings the records of the spool to the servers, and says when they do not take them. */
export class AccountingSender {
  /** Of sessions whose record was not taken. */
  private readonly pauses = new Map<string, Pause>()
  private takenAt = -Infinity
  /** Since when no server has answered, monotonic. */
  private downSince: number | undefined
  private look: { cancel(): void } | undefined
  private closed = false
  private idle: (() => void) | undefined
  sent = 0
  failures = 0

  constructor(private readonly parts: SenderParts) {}

  start(): void {
    const again = (): void => {
      this.look = this.parts.clock.after(LOOK_MS, again)
      this.parts.spool.queue.expire(this.parts.clock.monotonic())
      this.report()
      this.pump()
    }
    again()
  }

  /** Something was added. */
  pump(): void {
    const { clock, spool: { queue } } = this.parts
    if (this.closed) return
    const now = clock.monotonic()
    const most = (this.downSince === undefined ? WINDOW : 1) - queue.inFlight
    for (const queued of queue.take(most, (chain) => (this.pauses.get(chain)?.until ?? 0) <= now)) void this.send(queued)
    if (queue.inFlight === 0) this.idle?.()
  }

  /** Resolves when all is delivered or nothing can be, at the latest after `ms`; then nothing is sent any more. */
  async stop(ms: number): Promise<void> {
    if (this.downSince === undefined && this.parts.spool.queue.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.parts.clock.after(ms, resolve)
        this.idle = () => {
          timer.cancel()
          resolve()
        }
        this.pump()
      })
    }
    this.closed = true
    this.look?.cancel()
  }

  private async send(queued: Queued): Promise<void> {
    const { clock, spool, deliver } = this.parts
    const chain = AccountingQueue.chain(queued)
    const attributes = (): readonly Attribute[] =>
      accountingAttributes(queued.record, { delaySec: (clock.monotonic() - queued.since) / 1000, now: clock.now() })
    const begun = clock.monotonic()
    if (await deliver(attributes)) {
      this.sent++
      this.takenAt = clock.monotonic()
      this.downSince = undefined
      this.pauses.delete(chain)
      spool.delivered(queued)
      return this.pump()
    }
    this.failures++
    spool.queue.failed(queued)
    this.failed(chain, begun)
    if (this.downSince === undefined) return this.pump()
    // The next look tries again.
    this.idle?.()
  }

  /** It is the record's own fault when others were taken meanwhile. */
  private failed(chain: string, begun: number): void {
    const now = this.parts.clock.monotonic()
    const alone = this.takenAt >= begun
    if (!alone) this.downSince ??= begun
    const tries = this.pauses.get(chain)?.tries ?? 0
    this.pauses.set(chain, { tries: tries + 1, until: now + Math.min(alone ? MAX_CHAIN_PAUSE_MS : MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 20)) })
  }

  private report(): void {
    const { clock, health, spool: { queue } } = this.parts
    const now = clock.monotonic()
    const since = Math.min(queue.oldest() ?? now, queue.size > 0 ? (this.downSince ?? now) : now)
    if (now - since < LATE_MS) return void health.clear(CODE)
    const lost = queue.dropped > 0 ? `; ${queue.dropped} were given up` : ''
    health.raise(CODE, 'warning', `RADIUS servers do not take accounting: ${queue.size} records wait, since ${new Date(clock.now() - now + since).toISOString()}${lost}`)
  }
}
