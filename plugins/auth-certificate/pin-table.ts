import type { Store } from '../../core/api.ts'

/** A certificate that logs in as its user, whoever has issued it. */
export interface Pin {
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string
  readonly user: string
  readonly createdAt: number
}
const PIN_COLUMNS = 'fingerprint, user, created_at AS createdAt'

export class PinTable {
  constructor(private readonly store: Store) {}

  userOf(fingerprint: string): string | undefined {
    return this.store.read((db) => db.prepare('SELECT user FROM certificate_pins WHERE fingerprint = ?').pluck().get(fingerprint) as string | undefined)
  }
  fingerprints(user: string): readonly string[] {
    return this.store.read((db) => db.prepare('SELECT fingerprint FROM certificate_pins WHERE user = ?').pluck().all(user) as string[])
  }
  list(): readonly Pin[] {
    return this.store.read((db) => db.prepare(`SELECT ${PIN_COLUMNS} FROM certificate_pins ORDER BY user, created_at`).all() as Pin[])
  }
  add({ fingerprint, user, createdAt }: Pin): void {
    this.store.write((db) => db.prepare('INSERT OR REPLACE INTO certificate_pins (fingerprint, user, created_at) VALUES (?, ?, ?)').run(fingerprint, user, createdAt))
  }
  /** Whether it was there. */
  remove(fingerprint: string): boolean {
    return this.store.write((db) => db.prepare('DELETE FROM certificate_pins WHERE fingerprint = ?').run(fingerprint).changes > 0)
  }
}
