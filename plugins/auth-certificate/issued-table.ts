import type { Store } from '../../core/api.ts'

/** A certificate of the gateway's own authority. Times are wall-clock ms. */
export interface IssuedRow {
  /** Lower-case hex. */
  readonly serial: string
  readonly user: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly revokedAt: number | null
}
const COLUMNS = 'serial, user, issued_at AS issuedAt, expires_at AS expiresAt, revoked_at AS revokedAt'

export class IssuedTable {
  constructor(private readonly store: Store) {}

  list(): readonly IssuedRow[] {
    return this.store.read((db) => db.prepare(`SELECT ${COLUMNS} FROM certificates_issued ORDER BY user, issued_at`).all() as IssuedRow[])
  }
  add({ serial, user, issuedAt, expiresAt }: IssuedRow): void {
    this.store.write((db) => db.prepare('INSERT INTO certificates_issued (serial, user, issued_at, expires_at) VALUES (?, ?, ?, ?)').run(serial, user, issuedAt, expiresAt))
  }
  /** Of those of a serial number, or of a user, that are not revoked yet. */
  revoke(name: string, at: number): readonly IssuedRow[] {
    return this.store.write((db) => {
      const rows = db.prepare(`SELECT ${COLUMNS} FROM certificates_issued WHERE (serial = ? OR user = ?) AND revoked_at IS NULL`).all(name.toLowerCase(), name) as IssuedRow[]
      const mark = db.prepare('UPDATE certificates_issued SET revoked_at = ? WHERE serial = ?')
      for (const { serial } of rows) mark.run(at, serial)
      return rows
    })
  }
}
