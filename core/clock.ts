/** Time as a dependency: wall clock for expiry, monotonic clock for intervals. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump. */
  now(): number
  /** Monotonic milliseconds from an arbitrary start. Never jumps. */
  monotonic(): number
  /** Calls `fn` once after `ms`; the handle cancels. Does not keep the process alive. */
  after(ms: number, fn: () => void): { cancel(): void }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
