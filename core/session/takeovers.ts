/** So many takeovers at once, and then one in each interval. */
export const TAKEOVER_BURST = 8
export const TAKEOVER_EVERY_MS = 15_000

/**
 * How often a new connection may push a living tunnel of its session out. A client that changes networks does so a few
 * times a minute; two clients with one cookie do so as fast as they can connect, because each comes back at once.
 */
export class Takeovers {
  private tokens = TAKEOVER_BURST
  private filledAt = -Infinity
  private toldAt = -Infinity

  /** `now`: monotonic ms. False: not now. */
  take(now: number): boolean {
    const gained = Math.floor((now - this.filledAt) / TAKEOVER_EVERY_MS)
    if (gained > 0) {
      this.filledAt = this.tokens + gained >= TAKEOVER_BURST ? now : this.filledAt + gained * TAKEOVER_EVERY_MS
      this.tokens = Math.min(TAKEOVER_BURST, this.tokens + gained)
    }
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }

  /** Once a minute: is it time to say so? */
  tell(now: number): boolean {
    if (now - this.toldAt < 60_000) return false
    this.toldAt = now
    return true
  }
}
