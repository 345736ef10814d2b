import Database from 'better-sqlite3'
import type { Audit, AuditEntry, Clock, EndCause, Logger, Session, Sessions, Store } from '../../core/api.ts'
import { MIGRATIONS } from './migrations.ts'

/** A store in memory with the tables of this plugin. */
export function memoryStore(): Store {
  const db = new Database(':memory:')
  const store: Store = {
    migrate: (_owner, migrations) => migrations.forEach((migration) => db.exec(migration.sql)),
    read: (fn) => fn(db),
    write: (fn) => (db.inTransaction ? fn(db) : db.transaction(() => fn(db)).immediate()),
  }
  store.migrate('auth-local', MIGRATIONS)
  return store
}

export class ManualClock implements Clock {
  private timers: { at: number; fn: () => void }[] = []
  constructor(private time = Date.UTC(2026, 10, 21)) {}
  now = (): number => this.time
  monotonic = (): number => this.time
  after(ms: number, fn: () => void): { cancel(): void } {
    const timer = { at: this.time + ms, fn }
    this.timers.push(timer)
    return { cancel: () => void (this.timers = this.timers.filter((other) => other !== timer)) }
  }
  get pending(): number {
    return this.timers.length
  }
  advance(ms: number): void {
    this.time += ms
    const due = this.timers.filter((timer) => timer.at <= this.time)
    this.timers = this.timers.filter((timer) => timer.at > this.time)
    for (const timer of due) timer.fn()
  }
}

export class ListedSessions {
  readonly ended: { id: string; cause: EndCause }[] = []
  constructor(private sessions: { id: string; user: string }[] = []) {}
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

export class ListedLog implements Logger {
  readonly lines: string[] = []
  private write = (message: string, fields?: unknown): void => void this.lines.push(`${message} ${JSON.stringify(fields ?? {})}`)
  error = this.write
  warn = this.write
  info = this.write
  debug = this.write
  child = (): Logger => this
}
