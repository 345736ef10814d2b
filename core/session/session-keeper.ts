import type { Logger } from '../log.ts'
import type { Store } from '../store/store.ts'
import type { Claim, LeaseBook } from './lease-book.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionRows } from './session-rows.ts'
import type { Leases } from './session.ts'
import type { Totals } from './tunnel-totals.ts'

interface Burial {
  readonly claim: Claim
  readonly leases: Leases
  /** End of the quarantine, wall clock ms. */
  readonly freeAt: number
  /** Written with it. */
  readonly alongside: (() => void) | undefined
}

/**
 * Writes what may be written late: counters and last peers, the end of sessions that their users quit, and of others
 * when the store refuses. Never throws for these: traffic goes on while a disk is full.
 */
export class SessionKeeper {
  /** Ended, but still in the store: they would come back with a restart. */
  private readonly unburied = new Map<string, Burial>()
  private refused = false

  constructor(
    private readonly store: Store,
    private readonly rows: SessionRows,
    private readonly leases: LeaseBook,
    private readonly log: Logger,
    private readonly totalsOf: (record: SessionRecord) => Totals,
  ) {}

  /** Row away, leases into quarantine. In the store at once, or as soon as it takes it. */
  bury(claim: Claim, leases: Leases, alongside?: () => void): void {
    this.buryLater(claim, leases, alongside)
    this.retry()
  }

  /** The same when nobody waits for it: in the store with the next claim or tick, whichever comes first. */
  buryLater(claim: Claim, leases: Leases, alongside?: () => void): void {
    this.unburied.set(claim.session, { claim, leases, alongside, freeAt: this.leases.release(claim, leases) })
  }

  /** Runs `work` in one transaction with every burial that waits, which comes first: an address may be claimed again. */
  withBurials<T>(work: () => T): T {
    const due = [...this.unburied.values()]
    const value = this.store.write(() => {
      for (const { claim, leases, freeAt } of due) {
        this.leases.writeRelease(claim, leases, freeAt)
        this.rows.delete(claim.session)
      }
      for (const { alongside } of due) alongside?.()
      return work()
    })
    for (const { claim } of due) this.unburied.delete(claim.session)
    this.refused = false
    return value
  }

  /** The burials that wait. */
  retry(): void {
    if (this.unburied.size === 0) return
    try {
      this.withBurials(() => undefined)
    } catch (error) {
      if (!this.refused) this.log.warn('the end of sessions is not stored yet', { sessions: this.unburied.size, error })
      this.refused = true
    }
  }

  /** At start: rows that nobody needs go. */
  tidy(): void {
    try {
      this.rows.dropUnusedPolicies()
    } catch (error) {
      this.log.warn('unused policies stay in the store', { error })
    }
  }

  hasNews(record: SessionRecord): boolean {
    return record.dirty || packets(this.totalsOf(record)) !== record.savedPackets
  }

  save(records: readonly SessionRecord[]): void {
    if (records.length === 0) return
    try {
      this.store.write(() => {
        for (const record of records) {
          const totals = this.totalsOf(record)
          this.rows.update(record, totals)
          record.savedPackets = packets(totals)
          record.dirty = false
        }
      })
    } catch (error) {
      for (const record of records) record.dirty = true
      this.log.warn('sessions not saved', { sessions: records.length, error })
    }
  }
}

const packets = ({ rxPackets, txPackets }: Totals): bigint => rxPackets + txPackets
