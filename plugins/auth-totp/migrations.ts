import type { Migration } from '../../core/api.ts'

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      -- By the name of the user alone, whichever back-end knows the user.
      CREATE TABLE totp (
        user        TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,
        secret      BLOB NOT NULL,     -- sealed under the key in the data directory
        last_step   INTEGER NOT NULL,  -- 30 s steps since the epoch; no code of it or before is taken again
        enrolled_at INTEGER NOT NULL   -- ms since the epoch
      ) STRICT;
      CREATE TABLE totp_recovery (
        user TEXT NOT NULL COLLATE NOCASE REFERENCES totp (user) ON DELETE CASCADE,
        hash BLOB NOT NULL,            -- HMAC-SHA-256 under the same key
        PRIMARY KEY (user, hash)
      ) STRICT, WITHOUT ROWID;
    `,
  },
]
