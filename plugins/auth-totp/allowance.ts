import type { Clock } from '../../core/api.ts'

/** Keys remembered; beyond that the longest untouched is forgotten. */
const KEYS = 10_000

/** Wrong answers that are judged in a row for each key, and the time after which one more is. */
export class Allowance {
  /** Monotonic time at which the key has all of them again; the longest untouched first. */
  private readonly until = new Map<string, number>()

  constructor(
    private readonly clock: Clock,
    private readonly burst: number,
    private readonly refillMs: number,
  ) {}

  mayTry(key: string): boolean {
    return (this.until.get(key) ?? 0) - this.clock.monotonic() <= (this.burst - 1) * this.refillMs
  }

  wrong(key: string): void {
    const until = Math.max(this.until.get(key) ?? 0, this.clock.monotonic()) + this.refillMs
    this.until.delete(key)
    this.until.set(key, until)
    if (this.until.size <= KEYS) return
    for (const oldest of this.until.keys()) {
      this.until.delete(oldest)
      return
    }
  }

  right(key: string): void {
    this.until.delete(key)
  }
}
