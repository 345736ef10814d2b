import type { Clock } from '../clock.ts'

/** A crowd must not come back at once: so many clients are sent round in each step. */
const STEP_CLIENTS = 5
const STEP_MS = 100

/** Sends clients round with their cookies, a few at a time. */
export class ReconnectRound {
  private waiting: string[] = []
  private timer: { cancel(): void } | undefined

  /** `send`: closes the tunnel of that session where it is still needed. */
  constructor(
    private readonly clock: Clock,
    private readonly send: (id: string) => void,
  ) {}

  get left(): number {
    return this.waiting.length
  }

  /** These, in the place of those that still waited. */
  begin(ids: readonly string[]): void {
    this.stop()
    this.waiting = [...ids]
    this.step()
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.waiting = []
  }

  private step(): void {
    for (const id of this.waiting.splice(0, STEP_CLIENTS)) this.send(id)
    this.timer = this.waiting.length === 0 ? undefined : this.clock.after(STEP_MS, () => this.step())
  }
}
