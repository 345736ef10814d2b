import type { Audit, AuditEntry } from './audit.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './log.ts'
import type { Migration, Store } from './store/store.ts'

export const AUDIT_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `CREATE TABLE core_audit (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      action TEXT NOT NULL,
      actor TEXT NOT NULL,
      subject TEXT,
      peer TEXT,
      ok INTEGER NOT NULL,
      detail TEXT
    ) STRICT`,
  },
  {
    // Numbers are never given twice without AUTOINCREMENT either: the newest entry stays. One page less for each entry.
    version: 2,
    sql: `CREATE TABLE core_audit_next (
      id INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      action TEXT NOT NULL,
      actor TEXT NOT NULL,
      subject TEXT,
      peer TEXT,
      ok INTEGER NOT NULL,
      detail TEXT
    ) STRICT;
    INSERT INTO core_audit_next SELECT id, at, action, actor, subject, peer, ok, detail FROM core_audit;
    DROP TABLE core_audit;
    ALTER TABLE core_audit_next RENAME TO core_audit`,
  },
]

/** Entries kept; older ones go, a thousand at a time. */
export const AUDIT_KEPT = 100_000
const TRIM_EVERY = 1000
const MAX_TEXT = 512

interface Row {
  readonly at: number
  readonly action: string
  readonly actor: string
  readonly subject: string | null
  readonly peer: string | null
  readonly ok: number
  readonly detail: string | null
}
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/
const cut = (text: string | undefined): string | null => {
  if (text === undefined) return null
  return (CONTROLS.test(text) ? text.replace(new RegExp(CONTROLS, 'g'), ' ') : text).slice(0, MAX_TEXT)
}

/** Append-only rows in the store. A store that cannot write does not stop what is being recorded: the log has the line. */
export class AuditLog implements Audit {
  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly kept = AUDIT_KEPT,
  ) {
    store.migrate('core-audit', AUDIT_MIGRATIONS)
  }

  record(entry: AuditEntry): void {
    try {
      this.store.write((db) => {
        const { lastInsertRowid } = db
          .prepare('INSERT INTO core_audit (at, action, actor, subject, peer, ok, detail) VALUES (?, ?, ?, ?, ?, ?, ?)')
          .run(this.clock.now(), cut(entry.action), cut(entry.actor), cut(entry.subject), cut(entry.peer), entry.ok ? 1 : 0, cut(entry.detail))
        if (Number(lastInsertRowid) % TRIM_EVERY === 0) db.prepare('DELETE FROM core_audit WHERE id <= ?').run(Number(lastInsertRowid) - this.kept)
      })
    } catch (error) {
      this.log.warn('audit entry not stored', { ...entry, error })
    }
  }

  list(limit: number): readonly (AuditEntry & { readonly at: string })[] {
    const rows = this.store.read((db) => db.prepare('SELECT * FROM core_audit ORDER BY id DESC LIMIT ?').all(limit) as Row[])
    return rows.map((row) => ({
      at: new Date(row.at).toISOString(),
      action: row.action,
      actor: row.actor,
      ...(row.subject === null ? {} : { subject: row.subject }),
      ...(row.peer === null ? {} : { peer: row.peer }),
      ok: row.ok === 1,
      ...(row.detail === null ? {} : { detail: row.detail }),
    }))
  }
}
