import type { EndedSession } from './session.ts'

/** So many of the last ends are remembered, in memory alone. */
export const ENDED_KEPT = 4096

/** Why sessions ended that are gone: for the operator and for clients that come back with their cookie. */
export class EndedSessions {
  private readonly byId = new Map<string, EndedSession>()

  add(ended: EndedSession): void {
    this.byId.set(ended.id, ended)
    if (this.byId.size <= ENDED_KEPT) return
    for (const oldest of this.byId.keys()) {
      this.byId.delete(oldest)
      return
    }
  }
  get(id: string): EndedSession | undefined {
    return this.byId.get(id)
  }
}
