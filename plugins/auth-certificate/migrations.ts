import type { Migration } from '../../core/api.ts'

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE certificate_pins (
        fingerprint TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the DER, lower-case hex
        user        TEXT NOT NULL COLLATE NOCASE,
        created_at  INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX certificate_pins_user ON certificate_pins (user);
      -- Those of the gateway's own authority.
      CREATE TABLE certificates_issued (
        serial     TEXT NOT NULL PRIMARY KEY,  -- lower-case hex
        user       TEXT NOT NULL COLLATE NOCASE,
        issued_at  INTEGER NOT NULL,           -- ms since the epoch, as all times here
        expires_at INTEGER NOT NULL,
        revoked_at INTEGER
      ) STRICT, WITHOUT ROWID;
    `,
  },
]
