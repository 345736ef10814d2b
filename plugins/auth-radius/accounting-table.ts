import type { Migration, Store } from '../../core/api.ts'
import type { AccountedSession, AccountingRecord } from './accounting-record.ts'

export const ACCOUNTING_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE radius_session (
        id TEXT PRIMARY KEY,
        json TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE radius_record (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        json TEXT NOT NULL
      ) STRICT;`,
  },
]

export interface StoredRecord {
  readonly id: number
  readonly record: AccountingRecord
}
/** What one transaction writes. */
export interface AccountingChanges {
  readonly sessions: readonly AccountedSession[]
  readonly endedSessions: readonly string[]
  readonly records: readonly StoredRecord[]
  readonly doneRecords: readonly number[]
}

/** Sessions that servers have been told of, and records that none has answered yet. */
export class AccountingTable {
  constructor(private readonly store: Store) {
    store.migrate('auth-radius', ACCOUNTING_MIGRATIONS)
  }

  /** Rows that are no JSON are left out. */
  sessions(): readonly AccountedSession[] {
    return this.store.read((db) => (db.prepare('SELECT json FROM radius_session ORDER BY id').pluck().all() as string[]).flatMap((json) => parsed<AccountedSession>(json)))
  }
  records(): readonly StoredRecord[] {
    const rows = this.store.read((db) => db.prepare('SELECT id, json FROM radius_record ORDER BY id').all() as { readonly id: number; readonly json: string }[])
    return rows.flatMap(({ id, json }) => parsed<AccountingRecord>(json).map((record) => ({ id, record })))
  }

  write({ sessions, endedSessions, records, doneRecords }: AccountingChanges): void {
    this.store.write((db) => {
      const [put, forget] = [db.prepare('INSERT OR REPLACE INTO radius_session (id, json) VALUES (?, ?)'), db.prepare('DELETE FROM radius_session WHERE id = ?')]
      const [add, done] = [db.prepare('INSERT OR REPLACE INTO radius_record (id, at, json) VALUES (?, ?, ?)'), db.prepare('DELETE FROM radius_record WHERE id = ?')]
      for (const session of sessions) put.run(session.id, JSON.stringify(session))
      for (const id of endedSessions) forget.run(id)
      for (const { id, record } of records) add.run(id, record.at, JSON.stringify(record))
      for (const id of doneRecords) done.run(id)
    })
  }
}

function parsed<T>(json: string): readonly T[] {
  try {
    return [JSON.parse(json) as T]
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}
