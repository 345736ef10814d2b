import type { Logger } from '../log.ts'
import type { Store } from '../store/store.ts'
import type { Claim, LeaseBook } from './lease-book.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionRows } from './session-rows.ts'
import type { Leases } from './session.ts'
import type { Totals } from './tunnel-totals.ts'

/**
 * Writes what may be written late: counters and last peers, and the end of sessions when the store refuses. Never
 * throws: traffic goes on while a disk is full.
 */
export class SessionKeeper {
  /** Ended, but still in the store: tried again, else they would come back with a restart. */
  private readonly unburied = new Map<string, { readonly claim: Claim; readonly leases: Leases }>()

  constructor(
    private readonly store: Store,
    private readonly rows: SessionRows,
    private readonly leases: LeaseBook,
    private readonly log: Logger,
    private readonly totalsOf: (record: SessionRecord) => Totals,
  ) {}

  /** Row away, leases into quarantine. */
  bury(claim: Claim, leases: Leases): void {
    try {
      this.leases.release(claim, leases, () => this.rows.delete(claim.session))
      this.unburied.delete(claim.session)
    } catch (error) {
      if (!this.unburied.has(claim.session)) this.log.warn('the end of a session is not stored yet', { session: claim.session, error })
      this.unburied.set(claim.session, { claim, leases })
    }
  }

  /** What the store refused before. */
  retry(): void {
    for (const { claim, leases } of [...this.unburied.values()]) this.bury(claim, leases)
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
