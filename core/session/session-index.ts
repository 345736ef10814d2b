import type { SessionRecord } from './session-record.ts'

/** The living sessions by id and by user. */
export class SessionIndex {
  private readonly byId = new Map<string, SessionRecord>()
  private readonly byUser = new Map<string, Set<SessionRecord>>()

  get size(): number {
    return this.byId.size
  }
  add(record: SessionRecord): void {
    this.byId.set(record.id, record)
    const own = this.byUser.get(record.user)
    if (own) own.add(record)
    else this.byUser.set(record.user, new Set([record]))
  }
  delete(record: SessionRecord): void {
    this.byId.delete(record.id)
    const own = this.byUser.get(record.user)
    own?.delete(record)
    if (own?.size === 0) this.byUser.delete(record.user)
  }
  get(id: string): SessionRecord | undefined {
    return this.byId.get(id)
  }
  ofUser(user: string): readonly SessionRecord[] {
    return [...(this.byUser.get(user) ?? [])]
  }
  all(): SessionRecord[] {
    return [...this.byId.values()]
  }
}
