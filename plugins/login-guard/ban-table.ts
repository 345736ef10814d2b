import type { Migration, Store } from '../../core/api.ts'
import type { Ban, BanKind } from './ban.ts'

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE login_guard_ban (
        kind      TEXT NOT NULL,
        target    TEXT NOT NULL,
        automatic INTEGER NOT NULL,
        reason    TEXT NOT NULL,
        since     INTEGER NOT NULL,  -- ms since the epoch
        until     INTEGER,           -- NULL: for good
        strikes   INTEGER NOT NULL,
        PRIMARY KEY (kind, target)
      ) STRICT, WITHOUT ROWID;
      -- Where users have logged in.
      CREATE TABLE login_guard_known (
        account TEXT NOT NULL,
        network TEXT NOT NULL,
        at      INTEGER NOT NULL,
        PRIMARY KEY (account, network)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX login_guard_known_at ON login_guard_known (at);
    `,
  },
  { version: 2, sql: 'CREATE INDEX login_guard_known_network ON login_guard_known (network, at);' },
]

interface Row {
  readonly kind: BanKind
  readonly target: string
  readonly automatic: number
  readonly reason: string
  readonly since: number
  readonly until: number | null
  readonly strikes: number
}

/** The bans as rows. */
export class BanTable {
  constructor(private readonly store: Store) {}

  all(): readonly Ban[] {
    const rows = this.store.read((db) => db.prepare('SELECT * FROM login_guard_ban ORDER BY since, kind, target').all() as Row[])
    return rows.map(({ automatic, until, ...row }) => ({ ...row, automatic: automatic === 1, until: until ?? undefined }))
  }
  put({ kind, target, automatic, reason, since, until, strikes }: Ban): void {
    this.store.write((db) => db
      .prepare('INSERT OR REPLACE INTO login_guard_ban (kind, target, automatic, reason, since, until, strikes) VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(kind, target, automatic ? 1 : 0, reason, since, until ?? null, strikes))
  }
  delete(bans: readonly Pick<Ban, 'kind' | 'target'>[]): void {
    this.store.write((db) => {
      const remove = db.prepare('DELETE FROM login_guard_ban WHERE kind = ? AND target = ?')
      for (const { kind, target } of bans) remove.run(kind, target)
    })
  }
}
