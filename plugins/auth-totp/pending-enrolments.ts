import { pooledRandomBytes, type Clock } from '../../core/api.ts'
import type { Enrolling } from './enrolling.ts'

/** Enrolments on the page that wait for their first code, and how long. */
export const PENDING_LIMIT = 500
export const PENDING_MS = 600_000

/** What the page has shown to whom, by a handle that only that page has. A user has one; beyond the limit the oldest gives way. */
export class PendingEnrolments {
  private readonly entries = new Map<string, { readonly enrolling: Enrolling; readonly until: number }>()

  constructor(private readonly clock: Clock) {}

  add(enrolling: Enrolling): string {
    for (const [handle, { enrolling: other, until }] of this.entries) {
      if (until <= this.clock.monotonic() || other.user.toLowerCase() === enrolling.user.toLowerCase()) this.entries.delete(handle)
    }
    for (const oldest of this.entries.keys()) {
      if (this.entries.size < PENDING_LIMIT) break
      this.entries.delete(oldest)
    }
    const handle = pooledRandomBytes(32).toString('hex')
    this.entries.set(handle, { enrolling, until: this.clock.monotonic() + PENDING_MS })
    return handle
  }

  get(handle: string): Enrolling | undefined {
    const entry = this.entries.get(handle)
    return entry && entry.until > this.clock.monotonic() ? entry.enrolling : undefined
  }

  remove(handle: string): void {
    this.entries.delete(handle)
  }
}
