import type { Database } from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import type { Migration, Store } from './store.ts'

/** Brings the tables of one owner up to its newest version, one transaction for each step. Writes nothing when up to date. */
export function applyMigrations(store: Store, owner: string, migrations: readonly Migration[]): void {
  migrations.forEach((migration, index) => {
    if (migration.version !== index + 1) throw new Error(`${owner}: migration ${migration.version} stands at place ${index + 1}`)
  })
  const reached = store.read((db) => versionOf(db, owner))
  if (reached > migrations.length) {
    throw new GatewayError('STORE', `the database was written by a newer version (${owner} ${reached}, this one knows ${migrations.length})`)
  }
  for (const migration of migrations.slice(reached)) {
    store.write((db) => {
      db.exec('CREATE TABLE IF NOT EXISTS core_migration (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT')
      db.exec(migration.sql)
      db.prepare('INSERT INTO core_migration (owner, version) VALUES (?, ?) ON CONFLICT (owner) DO UPDATE SET version = excluded.version').run(owner, migration.version)
    })
  }
}

function versionOf(db: Database, owner: string): number {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'core_migration'").get()
  if (!exists) return 0
  const row = db.prepare('SELECT version FROM core_migration WHERE owner = ?').get(owner) as { version: number } | undefined
  return row?.version ?? 0
}
