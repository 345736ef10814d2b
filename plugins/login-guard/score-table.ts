/** Points that are halved with each half-life. `at`: monotonic ms. */
export interface Score {
  points: number
  at: number
}

/** Of so many entries, chosen at random, the least guilty one gives way. */
const LOOKED_AT = 8

export const faded = ({ points, at }: Score, now: number, halfLifeMs: number): number => points * 2 ** ((at - now) / halfLifeMs)

/** Scores by key, bounded: a flood of new keys does not wash the guilty away. All steps take the same time, however full it is. */
export class ScoreTable<T extends Score> {
  private readonly slots = new Map<string, number>()
  private readonly entries: { readonly key: string; readonly score: T }[] = []

  constructor(
    private readonly limit: number,
    private readonly fresh: (now: number) => T,
    private readonly random: () => number = Math.random,
  ) {}

  get size(): number {
    return this.entries.length
  }
  get(key: string): T | undefined {
    const slot = this.slots.get(key)
    return slot === undefined ? undefined : this.entries[slot]?.score
  }
  points(key: string, now: number, halfLifeMs: number): number {
    const score = this.get(key)
    return score ? faded(score, now, halfLifeMs) : 0
  }

  /** The score, made if there is none, faded to `now`. */
  touch(key: string, now: number, halfLifeMs: number): T {
    const known = this.get(key)
    if (known) {
      known.points = faded(known, now, halfLifeMs)
      known.at = now
      return known
    }
    if (this.entries.length >= this.limit) this.makeRoom(now, halfLifeMs)
    const score = this.fresh(now)
    this.slots.set(key, this.entries.push({ key, score }) - 1)
    return score
  }

  /** Takes points back; never below zero. */
  forgive(key: string, points: number, now: number, halfLifeMs: number): void {
    const score = this.get(key)
    if (!score) return
    score.points = Math.max(faded(score, now, halfLifeMs) - points, 0)
    score.at = now
  }
  delete(key: string): boolean {
    const slot = this.slots.get(key)
    const last = this.entries.at(-1)
    if (slot === undefined || !last) return false
    this.entries[slot] = last
    this.slots.set(last.key, slot)
    this.entries.pop()
    return this.slots.delete(key)
  }
  deleteWhere(matches: (key: string) => boolean): number {
    const found = this.keys().filter(matches)
    for (const key of found) this.delete(key)
    return found.length
  }
  keys(): string[] {
    return [...this.slots.keys()]
  }

  private makeRoom(now: number, halfLifeMs: number): void {
    let victim: { readonly key: string; readonly score: T } | undefined
    for (let look = 0; look < LOOKED_AT; look++) {
      const entry = this.entries[Math.floor(this.random() * this.entries.length)]
      if (entry && (!victim || faded(entry.score, now, halfLifeMs) < faded(victim.score, now, halfLifeMs))) victim = entry
    }
    if (victim) this.delete(victim.key)
  }
}
