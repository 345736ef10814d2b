import Database from 'better-sqlite3'
import type { Audit, AuditEntry, EndCause, Health, Session, Sessions, Store } from '../../core/api.ts'
import { SqliteStore } from '../../core/store/sqlite-store.ts'
import { MIGRATIONS } from './migrations.ts'

const health: Health = { raise: () => undefined, clear: () => undefined, list: () => [] }

/** A store in memory with the tables of this plugin. */
export function memoryStore(): Store {
  const store = new SqliteStore(new Database(':memory:'), ':memory:', health)
  store.migrate('auth-local', MIGRATIONS)
  return store
}

export class ListedSessions {
  readonly ended: { id: string; cause: EndCause }[] = []
  constructor(private sessions: { id: string; user: string }[] = []) {}
  readonly renewed: (string | undefined)[] = []
  renewPolicies = (user?: string): number => this.renewed.push(user)
  list = (): readonly Session[] => this.sessions as unknown as Session[]
  end(id: string, cause: EndCause): boolean {
    const before = this.sessions.length
    this.sessions = this.sessions.filter((session) => session.id !== id)
    if (this.sessions.length === before) return false
    this.ended.push({ id, cause })
    return true
  }
  get asSessions(): Sessions {
    return this as unknown as Sessions
  }
}

export class ListedAudit implements Audit {
  readonly entries: AuditEntry[] = []
  record(entry: AuditEntry): void {
    this.entries.push(entry)
  }
  list(): [] {
    return []
  }
}
