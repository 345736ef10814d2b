import type { Clock } from '../clock.ts'
import type { DataPlane } from '../dataplane.ts'
import type { Logger } from '../log.ts'
import type { CookieKeys } from './cookie-keys.ts'
import { DueQueue } from './due-queue.ts'
import { nextLookMs } from './inactivity.ts'
import type { KeepaliveBook } from './keepalive-book.ts'
import type { SessionIndex } from './session-index.ts'
import type { SessionKeeper } from './session-keeper.ts'
import type { SessionListeners } from './session-listeners.ts'
import type { Instant, SessionRecord } from './session-record.ts'
import type { EndCause } from './session.ts'

const TICK_MS = 1000
/** Counters in rows are at most so many ticks old; each tick saves its share. */
const SAVE_TICKS = 60
/** What has been learned about networks is stored so often. */
const LESSON_TICKS = 600
/** A wall clock that moved this much against the monotonic one was set. */
const CLOCK_JUMP_MS = 2000

export interface SessionClockParts {
  readonly clock: Clock
  readonly dataPlane: DataPlane
  readonly index: SessionIndex
  readonly keepalives: KeepaliveBook
  readonly keeper: SessionKeeper
  readonly keys: CookieKeys
  readonly listeners: SessionListeners
  readonly log: Logger
  end(id: string, cause: EndCause): void
}

/**
 * One tick a second: sessions whose time has come, rows that are due, the wall clock. Intervals are counted by the monotonic
 * clock; a wall clock that is set moves what is told of them and ends nothing.
 */
export class SessionClock {
  private readonly due: DueQueue
  private ticks = 0
  private wallOffset: number
  private timer: { cancel(): void } | undefined

  constructor(private readonly parts: SessionClockParts) {
    const { clock } = parts
    this.due = new DueQueue(clock.monotonic())
    this.wallOffset = clock.now() - clock.monotonic()
  }

  start(): void {
    const { clock } = this.parts
    const tick = (): void => {
      this.timer = clock.after(TICK_MS, tick)
      this.tick()
    }
    this.timer = clock.after(TICK_MS, tick)
  }
  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  instant(): Instant {
    const { clock } = this.parts
    return { monotonic: clock.monotonic(), now: clock.now() }
  }
  schedule(record: SessionRecord): void {
    this.due.set(record.id, record.due)
  }
  forget(record: SessionRecord): void {
    this.due.delete(record.id)
  }

  private tick(): void {
    const { clock, end, index, keepalives, keeper, keys } = this.parts
    const monotonic = clock.monotonic()
    this.followWallClock(clock.now() - monotonic)
    for (const id of this.due.take(monotonic)) {
      const record = index.get(id)
      if (!record) continue
      if (record.endsBy <= monotonic) end(id, record.dueCause)
      else this.attend(record, monotonic)
    }
    keeper.retry()
    if (this.ticks % LESSON_TICKS === LESSON_TICKS - 1) keepalives.save()
    keeper.save([...index.share(this.ticks++ % SAVE_TICKS, SAVE_TICKS)].filter((record) => keeper.hasNews(record)))
    keys.rotate(() => new Set(index.all().map((record) => record.keyId)))
  }

  private followWallClock(offset: number): void {
    const jump = offset - this.wallOffset
    this.wallOffset = offset
    const { index, keeper, log } = this.parts
    if (Math.abs(jump) < CLOCK_JUMP_MS) return
    log.warn('the wall clock was set', { byMs: Math.round(jump) })
    for (const record of index.all()) {
      record.shiftWallClock(Math.round(jump))
      if (record.policy.values.hours.length === 0) continue
      record.settleLimit(this.instant())
      this.schedule(record)
    }
    keeper.save(index.all())
  }

  /** Something of a session is due that need not end it. */
  private attend(record: SessionRecord, monotonic: number): void {
    if (record.warnsAt <= monotonic) {
      record.warnsAt = Infinity
      this.parts.listeners.ending(record, Math.ceil((record.endsAt - monotonic) / 1000))
    }
    if (record.looksAt <= monotonic && record.machine.tunnel !== undefined) {
      const signs = this.parts.dataPlane.tunnelCounters(record.machine.tunnel)
      const left = nextLookMs(record, signs)
      if (left <= 0) {
        this.parts.end(record.id, 'inactivity-timeout')
        return
      }
      record.looksAt = monotonic + left
    }
    this.schedule(record)
  }
}
