import type { Migration, Store } from '../../core/api.ts'
import type { Period } from './quota.ts'

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `CREATE TABLE limits_usage (
      user TEXT NOT NULL,
      period TEXT NOT NULL,
      start INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      told INTEGER NOT NULL,
      PRIMARY KEY (user, period)
    ) STRICT, WITHOUT ROWID`,
  },
]

/** What a user has moved in one period. */
export interface Usage {
  /** Lower case. */
  readonly user: string
  readonly period: Period
  /** Wall clock, ms. */
  readonly start: number
  readonly bytes: number
  /** Percent of the quota that was told last: 0, 80 or 100. */
  readonly told: number
}

export class UsageTable {
  constructor(private readonly store: Store) {
    store.migrate('limits', MIGRATIONS)
  }
  all(): readonly Usage[] {
    return this.store.read((db) => db.prepare('SELECT user, period, start, bytes, told FROM limits_usage ORDER BY user, period').all() as Usage[])
  }
  save(rows: readonly Usage[]): void {
    this.store.write((db) => {
      const put = db.prepare('INSERT OR REPLACE INTO limits_usage (user, period, start, bytes, told) VALUES (?, ?, ?, ?, ?)')
      for (const { user, period, start, bytes, told } of rows) put.run(user, period, start, bytes, told)
    })
  }
  /** How many rows there were. */
  forget(user: string): number {
    return this.store.write((db) => db.prepare('DELETE FROM limits_usage WHERE user = ?').run(user.toLowerCase()).changes)
  }
}
