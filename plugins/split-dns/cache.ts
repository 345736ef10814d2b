import type { Answer } from './answer.ts'

export const MAX_ENTRIES = 10_000
export const MAX_BYTES = 16 * 1024 * 1024
/** Of a map's entry and its objects, roughly. */
const ENTRY_BYTES = 300

interface Entry {
  readonly answer: Answer
  /** Monotonic, ms. */
  readonly from: number
  readonly until: number
  readonly bytes: number
}

/** Answers by question and servers, as long as their TTLs allow, the least recently used given up first. Times are a monotonic clock's, ms. */
export class Cache {
  private readonly entries = new Map<string, Entry>()
  private size = 0

  constructor(private readonly limits = { entries: MAX_ENTRIES, bytes: MAX_BYTES }) {}

  get length(): number {
    return this.entries.size
  }
  get bytes(): number {
    return this.size
  }

  get(key: string, now: number): { readonly answer: Answer; readonly ageSec: number } | undefined {
    const entry = this.entries.get(key)
    if (!entry) return undefined
    this.delete(key, entry)
    if (entry.until <= now) return undefined
    // Behind all others: the map keeps the order of use.
    this.add(key, entry)
    return { answer: entry.answer, ageSec: Math.floor((now - entry.from) / 1000) }
  }

  put(key: string, answer: Answer, now: number): void {
    if (answer.ttlSec <= 0) return
    const old = this.entries.get(key)
    if (old) this.delete(key, old)
    // A copy: the bytes may be part of a larger buffer.
    const kept = { ...answer, bytes: Buffer.from(answer.bytes) }
    this.add(key, { answer: kept, from: now, until: now + answer.ttlSec * 1000, bytes: key.length + kept.bytes.length + 8 * kept.ttls.length + ENTRY_BYTES })
    for (const [oldest, entry] of this.entries) {
      if (this.entries.size <= this.limits.entries && this.size <= this.limits.bytes) break
      this.delete(oldest, entry)
    }
  }

  /** Number of answers that it held. */
  flush(): number {
    const { length } = this
    this.entries.clear()
    this.size = 0
    return length
  }

  private add(key: string, entry: Entry): void {
    this.entries.set(key, entry)
    this.size += entry.bytes
  }
  private delete(key: string, entry: Entry): void {
    this.entries.delete(key)
    this.size -= entry.bytes
  }
}
