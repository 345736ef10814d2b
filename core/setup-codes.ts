import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { Clock } from './clock.ts'
import type { Migration, Store } from './store/store.ts'

export const SETUP_CODE_LIFETIME_MS = 3600_000
/** Wrong tries after which a code is dead: 8 digits are not meant to be searched. */
export const SETUP_CODE_TRIES = 5

const MIGRATIONS: readonly Migration[] = [
  { version: 1, sql: 'CREATE TABLE core_setup_code (id INTEGER PRIMARY KEY CHECK (id = 1), salt BLOB NOT NULL, hash BLOB NOT NULL, expires_at INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT' },
]
interface Row {
  readonly salt: Uint8Array
  readonly hash: Uint8Array
  readonly expires_at: number
  readonly tries: number
}

/** The one-time code that opens the first set-up. There is one at a time; the store has its hash only. */
export class SetupCodes {
  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
  ) {
    store.migrate('core-setup', MIGRATIONS)
  }

  /** `1234-5678`; an older code is void. */
  issue(): { readonly code: string; readonly expiresAt: number } {
    const digits = String(randomInt(100_000_000)).padStart(8, '0')
    const salt = randomBytes(16)
    const expiresAt = this.clock.now() + SETUP_CODE_LIFETIME_MS
    this.store.write((db) => db.prepare('INSERT OR REPLACE INTO core_setup_code (id, salt, hash, expires_at, tries) VALUES (1, ?, ?, ?, 0)').run(salt, hash(salt, digits), expiresAt))
    return { code: `${digits.slice(0, 4)}-${digits.slice(4)}`, expiresAt }
  }

  /** True once for the right code. */
  redeem(code: string): boolean {
    return this.store.write((db) => {
      const row = db.prepare('SELECT salt, hash, expires_at, tries FROM core_setup_code WHERE id = 1').get() as Row | undefined
      if (!row) return false
      const right = timingSafeEqual(hash(row.salt, code.slice(0, 64).replace(/[\s-]/g, '')), row.hash)
      if (right || row.tries + 1 >= SETUP_CODE_TRIES || row.expires_at <= this.clock.now()) db.prepare('DELETE FROM core_setup_code').run()
      else db.prepare('UPDATE core_setup_code SET tries = tries + 1').run()
      return right && row.expires_at > this.clock.now()
    })
  }
}

const hash = (salt: Uint8Array, digits: string): Buffer => createHash('sha256').update(salt).update(digits).digest()
