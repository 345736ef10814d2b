/** A token bucket: `perSecond` on average, `burst` at once. Times are a monotonic clock's, ms. */
export class TokenBucket {
  private tokens: number
  private at: number

  constructor(private readonly perSecond: number, private readonly burst: number, now: number) {
    this.tokens = burst
    this.at = now
  }

  take(now: number): boolean {
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) / 1000) * this.perSecond)
    this.at = now
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}
