import type { Migration } from '../../core/api.ts'

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE users (
        name       TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,
        password   TEXT NOT NULL,              -- PHC string, carries its own parameters
        locked     INTEGER NOT NULL DEFAULT 0,
        expires_at INTEGER,                    -- ms since the epoch
        created_at INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE user_groups (
        user       TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
        position   INTEGER NOT NULL,
        group_name TEXT NOT NULL,
        PRIMARY KEY (user, position)
      ) STRICT, WITHOUT ROWID;
      -- Sessions to end when the gateway starts: the command ran while it did not.
      CREATE TABLE user_endings (
        user  TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,
        cause TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    version: 2,
    sql: `
      -- What a user has of policy, by the names of the file.
      CREATE TABLE user_policy (
        user TEXT NOT NULL PRIMARY KEY COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
        json TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    version: 3,
    sql: `
      ALTER TABLE users ADD COLUMN password_at INTEGER; -- ms since the epoch; absent: as old as the user
      ALTER TABLE users ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
    `,
  },
]
