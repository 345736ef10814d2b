import type { SessionRecord } from './session-record.ts'

/** The living sessions by id, by user and by the cookie that was handed out last. */
export class SessionIndex {
  private readonly byId = new Map<string, SessionRecord>()
  private readonly byUser = new Map<string, Set<SessionRecord>>()
  private readonly byCookie = new Map<string, SessionRecord>()

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
    if (record.cookie !== undefined) this.byCookie.delete(record.cookie)
    const own = this.byUser.get(record.user)
    own?.delete(record)
    if (own?.size === 0) this.byUser.delete(record.user)
  }
  get(id: string): SessionRecord | undefined {
    return this.byId.get(id)
  }
  /** The cookie of a login comes back within a second: it need not be opened. */
  setCookie(record: SessionRecord, cookie: string): void {
    if (record.cookie !== undefined) this.byCookie.delete(record.cookie)
    record.cookie = cookie
    this.byCookie.set(cookie, record)
  }
  ofCookie(cookie: string): SessionRecord | undefined {
    return this.byCookie.get(cookie)
  }
  ofUser(user: string): readonly SessionRecord[] {
    return [...(this.byUser.get(user) ?? [])]
  }
  all(): SessionRecord[] {
    return [...this.byId.values()]
  }
  /** Every session once in `shares` shares; `share` from 0. */
  *share(share: number, shares: number): Generator<SessionRecord> {
    let at = 0
    for (const record of this.byId.values()) if (at++ % shares === share) yield record
  }
}
