const KEPT = 16
/** While no password was refused yet. */
const FIRST_MS = 150

/** How long the directory took lately to refuse a password: as long as a refusal takes that it was not asked for. */
export class RefusalPace {
  private readonly times: number[] = []

  took(ms: number): void {
    if (this.times.push(ms) > KEPT) this.times.shift()
  }
  /** One of them, by chance, milliseconds. */
  one(): number {
    return this.times[Math.floor(Math.random() * this.times.length)] ?? FIRST_MS
  }
}
