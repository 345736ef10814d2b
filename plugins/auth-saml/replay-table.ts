import { createHash } from 'node:crypto'
import type { Migration, Store } from '../../core/api.ts'

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      -- Messages of the identity provider that have been taken, until nobody could show them again.
      CREATE TABLE saml_seen (
        id      BLOB NOT NULL PRIMARY KEY,     -- SHA-256 of issuer and id
        expires INTEGER NOT NULL               -- ms since the epoch
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX saml_seen_expires ON saml_seen (expires);
    `,
  },
]

/** Ids of assertions and logout requests, each taken once, across restarts. */
export class ReplayTable {
  constructor(private readonly store: Store) {}

  /** False when it has been taken before. `expires` and `now`: wall clock, ms. Throws a store error. */
  take(issuer: string, id: string, expires: number, now: number): boolean {
    const key = createHash('sha256').update(`${issuer}\0${id}`).digest()
    return this.store.write((db) => {
      db.prepare('DELETE FROM saml_seen WHERE expires <= ?').run(now)
      return db.prepare('INSERT INTO saml_seen (id, expires) VALUES (?, ?) ON CONFLICT DO NOTHING').run(key, Math.ceil(expires)).changes === 1
    })
  }
}
