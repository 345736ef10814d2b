import type { ResolvedPolicy } from '../policy/policy.ts'
import type { Store, Migration } from '../store/store.ts'
import { sessionLimit } from './session-limit.ts'
import type { SessionIdentity, SessionRecord } from './session-record.ts'
import { packKeys } from './strap-keys.ts'
import type { Totals } from './tunnel-totals.ts'

export const SESSION_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE core_policy (
        id INTEGER PRIMARY KEY,
        json TEXT NOT NULL UNIQUE
      ) STRICT;
      CREATE TABLE core_session (
        id TEXT PRIMARY KEY,
        user TEXT NOT NULL,
        grp TEXT NOT NULL,
        device TEXT NOT NULL,
        policy INTEGER NOT NULL,
        key_id TEXT NOT NULL,
        peer TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        used INTEGER NOT NULL,
        waiting_since INTEGER,
        connected_at INTEGER,
        tls TEXT,
        rx_bytes INTEGER NOT NULL,
        tx_bytes INTEGER NOT NULL,
        rx_packets INTEGER NOT NULL,
        tx_packets INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE core_lease (
        address TEXT PRIMARY KEY,
        pool TEXT NOT NULL,
        owner TEXT NOT NULL,
        session TEXT,
        free_at INTEGER
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    // The id is the key of the table itself: a row is one page to write, not one and another of an index.
    version: 2,
    sql: `
      CREATE TABLE core_session_next (
        id TEXT PRIMARY KEY,
        user TEXT NOT NULL,
        grp TEXT NOT NULL,
        device TEXT NOT NULL,
        policy INTEGER NOT NULL,
        key_id TEXT NOT NULL,
        peer TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        used INTEGER NOT NULL,
        waiting_since INTEGER,
        connected_at INTEGER,
        tls TEXT,
        rx_bytes INTEGER NOT NULL,
        tx_bytes INTEGER NOT NULL,
        rx_packets INTEGER NOT NULL,
        tx_packets INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO core_session_next SELECT * FROM core_session;
      DROP TABLE core_session;
      ALTER TABLE core_session_next RENAME TO core_session;`,
  },
  {
    version: 3,
    sql: `
      ALTER TABLE core_session ADD COLUMN dtls_rx_bytes INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE core_session ADD COLUMN dtls_tx_bytes INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE core_session ADD COLUMN dtls_rx_packets INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE core_session ADD COLUMN dtls_tx_packets INTEGER NOT NULL DEFAULT 0;`,
  },
  {
    // Groups and attributes of the login, without which its policy cannot be resolved again.
    version: 4,
    sql: 'ALTER TABLE core_session ADD COLUMN identity TEXT;',
  },
  { version: 5, sql: 'ALTER TABLE core_session ADD COLUMN host TEXT' },
  // As the client was told: it compares the netmask too when it comes back, and the pool may have changed since.
  { version: 6, sql: 'ALTER TABLE core_lease ADD COLUMN prefix INTEGER' },
  { version: 7, sql: 'ALTER TABLE core_session ADD COLUMN strap_keys BLOB' },
]

export interface SessionRow {
  readonly id: string
  readonly user: string
  readonly grp: string
  /** null: it logged in at the gateway itself. */
  readonly host: string | null
  readonly device: string
  /** undefined: its policy is gone. */
  readonly policy: string | null
  readonly key_id: string
  readonly peer: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly used: number
  readonly waiting_since: number | null
  readonly connected_at: number | null
  readonly tls: string | null
  readonly rx_bytes: number
  readonly tx_bytes: number
  readonly rx_packets: number
  readonly tx_packets: number
  readonly dtls_rx_bytes: number
  readonly dtls_tx_bytes: number
  readonly dtls_rx_packets: number
  readonly dtls_tx_packets: number
  readonly identity: string | null
  readonly strap_keys: Buffer | null
}

/** The rows of sessions. Times are wall clock milliseconds. */
export class SessionRows {
  /** Most sessions share their policy with others: it is stored once. Ids by its text, and texts, which are long. */
  private readonly policies = new Map<string, number>()
  private readonly texts = new WeakMap<ResolvedPolicy, string>()

  constructor(private readonly store: Store) {
    store.migrate('core-session', SESSION_MIGRATIONS)
  }

  all(): SessionRow[] {
    return this.store.read((db) =>
      db.prepare(`SELECT s.*, p.json AS policy FROM core_session s LEFT JOIN core_policy p ON p.id = s.policy ORDER BY s.created_at, s.id`).all() as SessionRow[],
    )
  }

  /** Policies that no session has any more go. */
  dropUnusedPolicies(): void {
    this.policies.clear()
    this.store.write((db) => db.prepare('DELETE FROM core_policy WHERE id NOT IN (SELECT policy FROM core_session)').run())
  }

  insert(session: SessionRecord, alongside?: (session: SessionRecord) => void): void {
    const policy = this.textOf(session.policy)
    const [id, isNew] = this.store.write((db): [number, boolean] => {
      const known = this.policies.get(policy)
      const policyId = known ?? this.policyId(policy)
      db
        .prepare(
          `INSERT INTO core_session (id, user, grp, host, device, policy, key_id, peer, created_at, expires_at, used, waiting_since, identity, strap_keys, rx_bytes, tx_bytes, rx_packets, tx_packets)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0, 0, 0, 0)`,
        )
        .run(
          session.id, session.user, session.group, session.host ?? null, JSON.stringify(session.device), policyId, session.keyId,
          session.peer, session.createdAt, session.expiresAt ?? null, session.idleSince ?? null, identityText(session.identity), packKeys(session.strapKeys),
        )
      alongside?.(session)
      return [policyId, known === undefined]
    })
    // Only what was committed is remembered.
    if (isNew) this.policies.set(policy, id)
  }

  update(session: SessionRecord, totals: Totals): void {
    this.store.write((db) =>
      db
        .prepare(
          `UPDATE core_session SET key_id = ?, peer = ?, created_at = ?, expires_at = ?, used = ?, waiting_since = ?, connected_at = ?, tls = ?, strap_keys = ?,
           rx_bytes = ?, tx_bytes = ?, rx_packets = ?, tx_packets = ?, dtls_rx_bytes = ?, dtls_tx_bytes = ?, dtls_rx_packets = ?, dtls_tx_packets = ? WHERE id = ?`,
        )
        .run(
          session.keyId, session.peer, session.createdAt, session.expiresAt ?? null, session.used ? 1 : 0, session.idleSince ?? null,
          session.connectedAt ?? null, session.tls ? JSON.stringify(session.tls) : null, packKeys(session.strapKeys),
          totals.rxBytes, totals.txBytes, totals.rxPackets, totals.txPackets,
          totals.dtlsRxBytes, totals.dtlsTxBytes, totals.dtlsRxPackets, totals.dtlsTxPackets, session.id,
        ),
    )
  }

  /** All of them or none. `now`: wall clock, ms; `identity`: another one than the record's. */
  setPolicies(changes: readonly { readonly record: SessionRecord; readonly policy: ResolvedPolicy; readonly identity?: SessionIdentity }[], now: number): void {
    const fresh = new Map<string, number>()
    this.store.write((db) => {
      const update = db.prepare('UPDATE core_session SET policy = ?, expires_at = ?, identity = ? WHERE id = ?')
      for (const { record, policy, identity = record.identity } of changes) {
        const text = this.textOf(policy)
        const id = this.policies.get(text) ?? fresh.get(text) ?? this.policyId(text)
        fresh.set(text, id)
        update.run(id, sessionLimit(record.createdAt, policy.values, now)?.at ?? null, identityText(identity), record.id)
      }
    })
    for (const [text, id] of fresh) this.policies.set(text, id)
  }

  delete(id: string): void {
    this.store.write((db) => db.prepare('DELETE FROM core_session WHERE id = ?').run(id))
  }

  private textOf(policy: ResolvedPolicy): string {
    const known = this.texts.get(policy)
    if (known !== undefined) return known
    const text = JSON.stringify(policy)
    this.texts.set(policy, text)
    return text
  }

  private policyId(json: string): number {
    return this.store.write((db) => {
      db.prepare('INSERT INTO core_policy (json) VALUES (?) ON CONFLICT (json) DO NOTHING').run(json)
      return db.prepare('SELECT id FROM core_policy WHERE json = ?').pluck().get(json) as number
    })
  }
}

const identityText = (identity: SessionIdentity): string | null => (identity.groups.length === 0 && !identity.attributes && identity.ticket === undefined ? null : JSON.stringify(identity))
