import Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'

export interface StoreLock {
  release(): void
}

/**
 * One process for each data directory. The lock is SQLite's own on a file that holds nothing, so the kernel takes it
 * back from a killed process. Waits `waitMs` for the other one. undefined: the disk is read-only, so there is nothing to guard.
 */
export function lockStore(dataDirectory: string, waitMs: number): StoreLock | undefined {
  let lock: Database.Database | undefined
  try {
    lock = new Database(`${dataDirectory}/lock.db`, { timeout: waitMs })
    lock.pragma('journal_mode = MEMORY')
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock?.close()
    if (!(error instanceof Database.SqliteError)) throw error
    if (/^SQLITE_(BUSY|LOCKED)/.test(error.code)) {
      throw new GatewayError('ALREADY_RUNNING', `another postern process runs already on ${dataDirectory}`, { cause: error })
    }
    if (/^SQLITE_(READONLY|CANTOPEN|FULL|PERM)/.test(error.code)) return undefined
    throw new GatewayError('STORE', `${dataDirectory}/lock.db: ${error.message}`, { cause: error })
  }
  const held = lock
  return { release: () => void held.close() }
}
