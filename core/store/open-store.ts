import { accessSync, chmodSync, constants, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import type { Health } from '../health.ts'
import { SqliteStore } from './sqlite-store.ts'
import { storeError } from './store-error.ts'

const NAME = 'postern.db'
const BUSY_TIMEOUT_MS = 500

export interface OpenedStore {
  readonly store: SqliteStore
  /** The file did not exist before. */
  readonly fresh: boolean
  close(): void
}

/**
 * The database of a data directory. Never refuses to start a gateway that could still help its operator: a damaged file
 * is kept aside and a fresh one begun, a full or read-only disk is read through a copy; both raise a health entry.
 */
export function openStore(dataDirectory: string, health: Health, now: number): OpenedStore {
  const file = join(dataDirectory, NAME)
  const fresh = !existsSync(file)
  let store: SqliteStore
  let cleanUp = (): void => undefined
  try {
    store = new SqliteStore(openFile(file), file, health)
  } catch (thrown) {
    const error = storeError(thrown, file)
    if (!(error instanceof GatewayError)) throw error
    if (error.code === 'STORE_CORRUPT') {
      keepAside(file, now)
      store = new SqliteStore(openFile(file), file, health)
    } else if (!fresh && (error.code === 'STORE_FULL' || error.code === 'STORE_READONLY' || error.code === 'STORE')) {
      const copy = openCopy(file)
      store = new SqliteStore(copy.db, file, health)
      store.markTroubled(isWritable(dataDirectory) ? thrown : new Database.SqliteError('read-only', 'SQLITE_READONLY'))
      cleanUp = copy.cleanUp
    } else throw error
  }
  reportKept(dataDirectory, health)
  return {
    store,
    fresh,
    close() {
      store.close()
      cleanUp()
    },
  }
}

/** On a read-only disk SQLite fails with whatever it tries to write first. */
function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function openFile(file: string): Database.Database {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    // One process only (store-lock.ts): no shared memory file, no lock calls for each transaction.
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    // 16 MiB of log between two checkpoints: those are what costs at hundreds of logins a second.
    db.pragma('wal_autocheckpoint = 4000')
    check(db)
    // Finds a disk that takes no byte now, and not at the first login.
    db.exec('BEGIN IMMEDIATE; CREATE TABLE core_probe (x); DROP TABLE core_probe; COMMIT')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function check(db: Database.Database): void {
  const found = db.pragma('quick_check(1)', { simple: true })
  if (found !== 'ok') throw new Database.SqliteError(String(found).replace(/\s+/g, ' ').slice(0, 200), 'SQLITE_CORRUPT')
}

/** A copy in memory-backed or temporary space, log file included, that can be read but not written. */
function openCopy(file: string): { readonly db: Database.Database; cleanUp(): void } {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'postern-store-'))
  const cleanUp = (): void => rmSync(directory, { recursive: true, force: true })
  try {
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, join(directory, NAME + suffix))
    chmodSync(join(directory, NAME), 0o600)
    const db = new Database(join(directory, NAME), { timeout: BUSY_TIMEOUT_MS })
    db.pragma('locking_mode = EXCLUSIVE')
    check(db)
    db.pragma('query_only = ON')
    return { db, cleanUp }
  } catch (error) {
    cleanUp()
    throw storeError(error, file)
  }
}

function keepAside(file: string, now: number): void {
  const kept = `${file}.corrupt-${new Date(now).toISOString().replace(/[:.]/g, '-')}`
  renameSync(file, kept)
  for (const suffix of ['-wal', '-shm', '-journal']) if (existsSync(file + suffix)) renameSync(file + suffix, kept + suffix)
}

/** Stands until somebody restored or removed the damaged file: users and sessions are missing until then. */
function reportKept(dataDirectory: string, health: Health): void {
  const kept = readdirSync(dataDirectory).filter((name) => name.startsWith(`${NAME}.corrupt-`) && !/-(?:wal|shm|journal)$/.test(name)).sort().at(-1)
  if (kept === undefined) return
  health.raise('STORE_CORRUPT', 'error', `the database was damaged; users and sessions are those made since. The damaged file is kept as ${join(dataDirectory, kept)}: restore a backup or remove it`)
}

/** Made when missing: 0700, or 0710 for the group `postern` (the admin socket lies inside). Everything in it is made 0600. */
export function prepareDataDirectory(dataDirectory: string): void {
  process.umask(0o077)
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new GatewayError('STORE', `the data directory ${dataDirectory} cannot be made: ${reason(error)}`, { cause: error })
  }
  try {
    const group = groupId('postern')
    chmodSync(dataDirectory, group === undefined ? 0o700 : 0o710)
    if (group !== undefined) chownSync(dataDirectory, -1, group)
  } catch (error) {
    // A read-only disk keeps the mode it has.
    if (!/EROFS|EPERM/.test(reason(error))) throw new GatewayError('STORE', `the data directory ${dataDirectory} cannot be used: ${reason(error)}`, { cause: error })
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** From /etc/group; node has no getgrnam. */
export function groupId(name: string): number | undefined {
  if (!existsSync('/etc/group')) return undefined
  const line = readFileSync('/etc/group', 'utf8').split('\n').find((entry) => entry.startsWith(`${name}:`))
  const id = Number(line?.split(':')[2])
  return Number.isInteger(id) && line !== undefined ? id : undefined
}
