import type { Clock, LogFields } from '../../core/api.ts'

const PACE_MS = 1000

/** A line that strangers can cause: at most one a second, each with the number of those `suppressed` since the one before. */
export class PacedLog {
  private openAt = -Infinity
  private suppressed = 0

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly write: (fields: LogFields) => void,
  ) {}

  line(fields: LogFields): void {
    const now = this.clock.monotonic()
    if (now < this.openAt) {
      this.suppressed++
      return
    }
    this.openAt = now + PACE_MS
    const { suppressed } = this
    this.suppressed = 0
    this.write(suppressed === 0 ? fields : { ...fields, suppressed })
  }
}
