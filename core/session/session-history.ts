/** How many of the last events a session remembers, in memory alone. */
export const HISTORY_LENGTH = 16

/** Something that happened to a session, for `session show`. */
export interface SessionEvent {
  /** Wall clock, ms. */
  readonly at: number
  readonly what: 'login' | 'restored' | 'tunnel-up' | 'tunnel-down' | 'dtls-up' | 'dtls-down' | 'roamed' | 'refused' | 'ending' | 'policy'
  /** One of the reasons of the event, in the catalogue's word. */
  readonly reason?: string | undefined
  /** One clause for people. */
  readonly text: string
}

/** The last events, oldest first. */
export class SessionHistory {
  private events: SessionEvent[] = []

  add(event: SessionEvent): void {
    if (this.events.length >= HISTORY_LENGTH) this.events.shift()
    this.events.push(event)
  }
  list(): readonly SessionEvent[] {
    return this.events
  }
  shiftWallClock(ms: number): void {
    this.events = this.events.map((event) => ({ ...event, at: event.at + ms }))
  }
}
