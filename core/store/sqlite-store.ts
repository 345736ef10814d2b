import type Database from 'better-sqlite3'
import { isStanding, storeError } from './store-error.ts'
import { applyMigrations } from './migrations.ts'
import type { Health } from '../health.ts'
import type { Migration, Store } from './store.ts'

/** Health entries that the next good write takes back. A database found damaged at start stays until the operator acted. */
const CLEARED_BY_WRITE = ['STORE_FULL', 'STORE_READONLY', 'STORE_BUSY', 'STORE'] as const

/** One connection of this process to one SQLite file. */
export class SqliteStore implements Store {
  private troubled = false

  constructor(
    private readonly db: Database.Database,
    readonly file: string,
    private readonly health: Health,
  ) {
    cacheStatements(db)
  }

  migrate(owner: string, migrations: readonly Migration[]): void {
    applyMigrations(this, owner, migrations)
  }

  read<T>(fn: (db: Database.Database) => T): T {
    try {
      return fn(this.db)
    } catch (error) {
      throw this.translated(error)
    }
  }

  write<T>(fn: (db: Database.Database) => T): T {
    if (this.db.inTransaction) return fn(this.db)
    try {
      this.db.prepare('BEGIN IMMEDIATE').run()
      const value = fn(this.db)
      this.db.prepare('COMMIT').run()
      if (this.troubled) this.recovered()
      return value
    } catch (error) {
      const translated = this.translated(error)
      // SQLite itself rolls back on some errors, a full disk among them.
      if (this.db.inTransaction) this.db.prepare('ROLLBACK').run()
      throw translated
    }
  }

  /** Says so when the store is known not to be writable, before anybody tries. */
  markTroubled(error: unknown): void {
    this.translated(error)
  }

  close(): void {
    this.db.close()
  }

  private translated(error: unknown): unknown {
    const translated = storeError(error, this.file)
    if (isStanding(translated)) {
      this.troubled = true
      this.health.raise(translated.code, 'error', translated.message)
    }
    return translated
  }

  private recovered(): void {
    this.troubled = false
    for (const code of CLEARED_BY_WRITE) this.health.clear(code)
  }
}

/** `prepare` of the same text gives the same statement; `iterate` must therefore not be nested. */
function cacheStatements(db: Database.Database): void {
  const prepare = db.prepare.bind(db)
  const cache = new Map<string, Database.Statement>()
  const cached = (sql: string): Database.Statement => {
    const known = cache.get(sql)
    if (known) return known
    const statement = prepare(sql)
    cache.set(sql, statement)
    return statement
  }
  db.prepare = cached as typeof db.prepare
}
