const KEPT = 16

/** How long a server took lately to refuse a password: as long as a refusal takes that it was not asked for. */
export class RefusalPace {
  private readonly times: number[] = []
  /** `firstMs`: while no password was refused yet. */
  constructor(private readonly firstMs: number) {}

  took(ms: number): void {
    if (this.times.push(ms) > KEPT) this.times.shift()
  }
  /** One of them, by chance, milliseconds. */
  one(): number {
    return this.times[Math.floor(Math.random() * this.times.length)] ?? this.firstMs
  }
}
