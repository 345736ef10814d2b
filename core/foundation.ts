import { AuditLog } from './audit-log.ts'
import type { Clock } from './clock.ts'
import { GatewayError } from './errors.ts'
import { HealthList } from './health-list.ts'
import type { Logger } from './log.ts'
import { openStore, prepareDataDirectory } from './store/open-store.ts'
import { lockStore } from './store/store-lock.ts'
import type { Store } from './store/store.ts'

/** What both the gateway and a single command stand on. */
export interface Foundation {
  readonly clock: Clock
  readonly log: Logger
  readonly health: HealthList
  readonly store: Store
  readonly audit: AuditLog
  readonly dataDirectory: string
  /** The database did not exist before. */
  readonly fresh: boolean
  close(): void
}

/** Locks and opens the data directory. `waitMs`: how long another process may still hold it. */
export function layFoundation(dataDirectory: string, clock: Clock, log: Logger, waitMs: number): Foundation {
  prepareDataDirectory(dataDirectory)
  const lock = lockStore(dataDirectory, waitMs)
  try {
    const health = new HealthList(clock, log)
    const opened = openStore(dataDirectory, health, clock.now())
    try {
      const audit = new AuditLog(opened.store, clock, log)
      return {
        clock, log, health, audit, dataDirectory, store: opened.store, fresh: opened.fresh,
        close() {
          opened.close()
          lock?.release()
        },
      }
    } catch (error) {
      opened.close()
      throw error
    }
  } catch (error) {
    lock?.release()
    throw error instanceof GatewayError ? error : new GatewayError('STORE', `the database in ${dataDirectory} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
