import Database from 'better-sqlite3'
import { GatewayError, type ErrorCode } from '../errors.ts'

const TEXTS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  SQLITE_FULL: ['STORE_FULL', 'the disk of the database is full'],
  SQLITE_READONLY: ['STORE_READONLY', 'the database cannot be written'],
  SQLITE_CANTOPEN: ['STORE_READONLY', 'the database cannot be opened for writing'],
  SQLITE_PERM: ['STORE_READONLY', 'the database cannot be written'],
  SQLITE_CORRUPT: ['STORE_CORRUPT', 'the database is damaged'],
  SQLITE_NOTADB: ['STORE_CORRUPT', 'the database is damaged'],
  SQLITE_BUSY: ['STORE_BUSY', 'another process holds the database'],
  SQLITE_LOCKED: ['STORE_BUSY', 'another process holds the database'],
  SQLITE_IOERR: ['STORE', 'the disk of the database failed'],
}
/** Extended codes under which a full disk shows itself. */
const FULL = new Set(['SQLITE_IOERR_SHMSIZE', 'SQLITE_IOERR_SHMMAP'])

/** What SQLite said, in the catalogue's words; anything else passes through as it is. `file` goes into the text. */
export function storeError(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  const primary = /^SQLITE_[A-Z]+/.exec(error.code)?.[0] ?? error.code
  const [code, text] = (FULL.has(error.code) ? TEXTS['SQLITE_FULL'] : TEXTS[primary]) ?? ['STORE', error.message]
  return new GatewayError(code, `${text}: ${file} (${error.code})`, { cause: error })
}

/** Codes that are a standing problem of the disk, not of one statement. */
export const isStanding = (error: unknown): error is GatewayError =>
  error instanceof GatewayError &&
  (['STORE_FULL', 'STORE_READONLY', 'STORE_CORRUPT', 'STORE_BUSY'].includes(error.code) || (error.code === 'STORE' && /IOERR/.test(error.message)))
