import { periodStart, type Period, type Quota } from './quota.ts'
import type { Usage } from './usage-table.ts'

/** Parts of a quota, in percent, whose reaching is told once a period. */
const TOLD = [100, 80] as const

/**
 * Who has moved how much in the period of now. A period that is over counts nothing any more; one that has not begun, because the clock
 * was set back since, goes on as the one of now: a clock cannot take away what has been used, and cannot lock anybody out for years.
 */
export class UsageBook {
  private readonly entries = new Map<string, Usage>()
  private readonly dirty = new Set<string>()

  constructor(rows: readonly Usage[] = []) {
    for (const row of rows) this.entries.set(keyOf(row.user, row.period), row)
  }

  /** As of `now`, wall clock ms. */
  usage(name: string, period: Period, now: number): Usage {
    const user = name.toLowerCase()
    const start = periodStart(period, now)
    const known = this.entries.get(keyOf(user, period))
    if (!known || known.start < start) return { user, period, start, bytes: 0, told: 0 }
    return known.start > start ? { ...known, start } : known
  }
  used(name: string, { period }: Quota, now: number): number {
    return this.usage(name, period, now).bytes
  }
  beyond(name: string, quota: Quota, now: number): boolean {
    return this.used(name, quota, now) >= quota.bytes
  }

  add(name: string, { period }: Quota, bytes: number, now: number): void {
    const before = this.usage(name, period, now)
    if (bytes > 0) this.put({ ...before, bytes: Math.min(before.bytes + bytes, Number.MAX_SAFE_INTEGER) })
  }

  /** What is to be told of it now for the first time in this period: that 80 or 100 percent are reached. */
  reached(name: string, quota: Quota, now: number): 80 | 100 | undefined {
    const usage = this.usage(name, quota.period, now)
    const reached = TOLD.find((percent) => usage.bytes * 100 >= quota.bytes * percent)
    if (reached === undefined || usage.told >= reached) return undefined
    this.put({ ...usage, told: reached })
    return reached
  }

  forget(name: string): boolean {
    const keys = [...this.entries.keys()].filter((key) => key.startsWith(keyOf(name.toLowerCase(), '')))
    for (const key of keys) {
      this.entries.delete(key)
      this.dirty.delete(key)
    }
    return keys.length > 0
  }
  /** All of the periods of now. */
  list(now: number): readonly Usage[] {
    return [...this.entries.values()].map(({ user, period }) => this.usage(user, period, now)).filter(({ bytes }) => bytes > 0)
  }
  /** What differs from the store. Call `saved` when it no longer does. */
  unsaved(): readonly Usage[] {
    return [...this.dirty].map((key) => this.entries.get(key)).filter((usage) => usage !== undefined)
  }
  saved(): void {
    this.dirty.clear()
  }

  private put(usage: Usage): void {
    const key = keyOf(usage.user, usage.period)
    this.entries.set(key, usage)
    this.dirty.add(key)
  }
}

const keyOf = (user: string, period: Period | ''): string => `${user}\n${period}`
