interface Place {
  admit(): void
  refuse(): void
}

/**
 * Who waits for a turn, by source. Sources take turns; each one's own come in order. When every place is taken, the
 * newest of the most crowded source gives way to a newcomer from a quieter one.
 */
export class TurnQueue {
  /** In the order of turns; no list is empty. */
  private readonly bySource = new Map<string, Place[]>()
  private count = 0

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.count
  }

  /** True with the turn, false when there is no place or it was lost. */
  wait(source: string): Promise<boolean> {
    return new Promise((resolve) => {
      const own = this.bySource.get(source) ?? []
      if (this.count >= this.limit && !this.makeRoom(own.length + 1)) {
        resolve(false)
        return
      }
      own.push({ admit: () => resolve(true), refuse: () => resolve(false) })
      this.bySource.set(source, own)
      this.count++
    })
  }

  /** Gives the turn to the next in line; false when nobody waits. */
  next(): boolean {
    const first = this.bySource.entries().next().value
    if (!first) return false
    const [source, own] = first
    const place = own.shift()
    this.bySource.delete(source)
    if (own.length > 0) this.bySource.set(source, own)
    this.count--
    place?.admit()
    return true
  }

  /** For a source that will have `wanted` places. */
  private makeRoom(wanted: number): boolean {
    let crowd: Place[] = []
    for (const own of this.bySource.values()) if (own.length > crowd.length) crowd = own
    // Of at least two, so that its list stays.
    if (crowd.length <= wanted) return false
    this.count--
    crowd.pop()?.refuse()
    return true
  }
}
