import type { Database } from 'better-sqlite3'

export interface Migration {
  /** 1, 2, 3 ...; applied in order, once, in one transaction each. */
  readonly version: number
  readonly sql: string
}

/**
 * The SQLite store: WAL, one writer, integrity checked at open. Every failure of SQLite leaves as a GatewayError
 * (`STORE_FULL`, `STORE_READONLY`, `STORE_CORRUPT`, `STORE_BUSY`, `STORE`) and raises a health entry that is cleared
 * by the next good write.
 */
export interface Store {
  /** Tables of one owner (a plugin's name or `core`). Call once, before the first statement. */
  migrate(owner: string, migrations: readonly Migration[]): void
  /** Runs `fn` with errors translated. Prepared statements are cached by their text. */
  read<T>(fn: (db: Database) => T): T
  /** One IMMEDIATE transaction, committed when it returns. Nested calls join the outer one. */
  write<T>(fn: (db: Database) => T): T
}
