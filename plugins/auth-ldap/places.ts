/** So many at once, and so many who wait for that. */
export class Places {
  private taken = 0
  private readonly waiting: (() => void)[] = []
  constructor(private readonly atOnce: number, private readonly room: number) {}

  /** Runs `work` when there is a place; undefined when no more may wait. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.taken >= this.atOnce) {
      if (this.waiting.length >= this.room) return undefined
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    } else this.taken++
    try {
      return await work()
    } finally {
      // The place goes to who has waited longest.
      const next = this.waiting.shift()
      if (next) next()
      else this.taken--
    }
  }
}
