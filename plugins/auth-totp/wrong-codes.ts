import type { Clock } from '../../core/api.ts'

/** Wrong codes of one user that are judged in a row, and the time after which one more is. */
export const BURST = 10
export const REFILL_MS = 300_000
/** Users remembered; all of them have proved their first factor. */
const USERS = 10_000

/**
 * Bounds how fast codes can be guessed by who has the password (RFC 4226 section 7.3): ten at once, then one in five
 * minutes, which is a chance of one in a thousand for each day of guessing. A right code clears the score.
 */
export class WrongCodes {
  /** Monotonic time at which the user's score is back at zero; the longest untouched first. */
  private readonly until = new Map<string, number>()

  constructor(private readonly clock: Clock) {}

  /** Whether an answer of the user may be judged. */
  mayTry(user: string): boolean {
    return (this.until.get(user.toLowerCase()) ?? 0) - this.clock.monotonic() <= (BURST - 1) * REFILL_MS
  }

  wrong(user: string): void {
    const key = user.toLowerCase()
    const now = this.clock.monotonic()
    const until = Math.max(this.until.get(key) ?? 0, now) + REFILL_MS
    this.until.delete(key)
    this.until.set(key, until)
    if (this.until.size <= USERS) return
    for (const oldest of this.until.keys()) {
      this.until.delete(oldest)
      return
    }
  }

  right(user: string): void {
    this.until.delete(user.toLowerCase())
  }
}
