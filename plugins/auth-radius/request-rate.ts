/** Requests a second that are looked at, and so many more at once. */
export const RATE = 200
export const BURST = 400

/** What a server may send at most, or who sends in its name. */
export class RequestRate {
  private tokens = BURST
  private filledAt = -Infinity

  /** `now`: monotonic, ms. */
  take(now: number): boolean {
    this.tokens = Math.min(BURST, this.tokens + ((now - this.filledAt) / 1000) * RATE)
    this.filledAt = now
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}
