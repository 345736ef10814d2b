/**
 * Who is due when, to the second: one list of ids for each second. Setting, moving and taking cost O(1) for each id,
 * whatever their number.
 */
export class DueQueue {
  private readonly seconds = new Map<number, Set<string>>()
  private readonly dueOf = new Map<string, number>()
  /** Everything up to here has been taken. */
  private taken: number

  /** Times are monotonic milliseconds. */
  constructor(now: number) {
    this.taken = Math.floor(now / 1000)
  }

  get size(): number {
    return this.dueOf.size
  }

  /** undefined: never. */
  set(id: string, due: number | undefined): void {
    const second = due === undefined || due === Infinity ? undefined : Math.max(Math.ceil(due / 1000), this.taken + 1)
    const old = this.dueOf.get(id)
    if (old === second) return
    if (old !== undefined) this.remove(id, old)
    if (second === undefined) return
    this.dueOf.set(id, second)
    const ids = this.seconds.get(second)
    if (ids) ids.add(id)
    else this.seconds.set(second, new Set([id]))
  }

  delete(id: string): void {
    this.set(id, undefined)
  }

  /** Those whose time has come, earliest first; they are out of the queue then. */
  take(now: number): string[] {
    const until = Math.floor(now / 1000)
    const found: string[] = []
    // After a long sleep there are fewer lists than seconds.
    const due = until - this.taken <= this.seconds.size ? range(this.taken + 1, until) : [...this.seconds.keys()].filter((second) => second <= until).sort((a, b) => a - b)
    for (const second of due) {
      for (const id of this.seconds.get(second) ?? []) {
        found.push(id)
        this.dueOf.delete(id)
      }
      this.seconds.delete(second)
    }
    this.taken = Math.max(this.taken, until)
    return found
  }

  private remove(id: string, second: number): void {
    this.dueOf.delete(id)
    const ids = this.seconds.get(second)
    ids?.delete(id)
    if (ids?.size === 0) this.seconds.delete(second)
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
