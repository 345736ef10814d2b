import type { Clock, Logger } from '../../core/api.ts'
import { AccountingQueue, MAX_RECORDS, type Queued } from './accounting-queue.ts'
import type { AccountedSession, AccountingRecord } from './accounting-record.ts'
import type { AccountingTable } from './accounting-table.ts'

/** A record that is answered within this time is never written, ms. */
const SOON_MS = 250
/** What the next interim record brings anew waits for other writes, this long at most. */
const LATE_MS = 60_000
const RETRY_MS = 10_000

export interface SpoolParts {
  readonly clock: Clock
  readonly log: Logger
  readonly table: Pick<AccountingTable, 'sessions' | 'records' | 'write'>
  readonly limit?: number
}

/**
 * Sessions that servers know of and records that none has answered, in memory and, a moment later, in the store. A store that
 * refuses costs what a restart then forgets, nothing else.
 */
export class AccountingSpool {
  readonly queue: AccountingQueue
  private readonly known = new Map<string, AccountedSession>()
  private readonly unsaved = new Set<string>()
  private readonly ended = new Set<string>()
  /** Ids of records in the store. */
  private readonly stored = new Set<number>()
  private lastId = 0
  private timer: { readonly at: number; cancel(): void } | undefined
  private refused = false

  constructor(private readonly parts: SpoolParts) {
    this.queue = new AccountingQueue(parts.limit ?? MAX_RECORDS)
  }

  /** As the gateway left it. */
  load(): void {
    const { clock, table } = this.parts
    for (const session of table.sessions()) this.known.set(session.id, session)
    for (const { id, record } of table.records()) {
      this.stored.add(id)
      this.lastId = Math.max(this.lastId, id)
      // Of the wall clock, which may have been set since.
      this.queue.add({ id, record, since: clock.monotonic() - Math.max(0, clock.now() - record.at) })
    }
  }

  sessions(): readonly AccountedSession[] {
    return [...this.known.values()]
  }
  session(id: string): AccountedSession | undefined {
    return this.known.get(id)
  }

  /** In the order in which things happen. With a stop the session is known no more. */
  add(record: AccountingRecord): void {
    const { kind, session } = record
    this.queue.add({ id: ++this.lastId, record, since: this.parts.clock.monotonic() })
    if (session && kind === 'stop') {
      this.known.delete(session.id)
      this.unsaved.delete(session.id)
      this.ended.add(session.id)
    } else if (session) {
      this.known.set(session.id, session)
      this.unsaved.add(session.id)
    }
    this.saveIn(kind === 'interim' ? LATE_MS : SOON_MS)
  }
  delivered(queued: Queued): void {
    this.queue.delivered(queued)
    if (this.stored.has(queued.id)) this.saveIn(SOON_MS)
  }

  /** Writes what the store does not have yet. */
  save(): void {
    this.timer?.cancel()
    this.timer = undefined
    const { table, log } = this.parts
    const waiting = this.queue.all()
    const live = new Set(waiting.map(({ id }) => id))
    const records = waiting.filter(({ id }) => !this.stored.has(id))
    const doneRecords = [...this.stored].filter((id) => !live.has(id))
    const sessions = [...this.unsaved].flatMap((id) => this.known.get(id) ?? [])
    if (records.length + doneRecords.length + sessions.length + this.ended.size === 0) return
    try {
      table.write({ sessions, endedSessions: [...this.ended], records, doneRecords })
    } catch (error) {
      if (!this.refused) log.warn('accounting is not stored yet', { records: records.length, error })
      this.refused = true
      return this.saveIn(RETRY_MS)
    }
    this.refused = false
    for (const { id } of records) this.stored.add(id)
    for (const id of doneRecords) this.stored.delete(id)
    this.unsaved.clear()
    this.ended.clear()
  }

  private saveIn(ms: number): void {
    const { clock } = this.parts
    const at = clock.monotonic() + ms
    if (this.timer && this.timer.at <= at) return
    this.timer?.cancel()
    this.timer = { at, ...clock.after(ms, () => this.save()) }
  }
}
