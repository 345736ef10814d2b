import type { Clock } from '../clock.ts'
import { formatDuration } from '../config/units.ts'
import { GatewayError } from '../errors.ts'
import type { Health } from '../health.ts'

const PENDING = 'RELOAD_PENDING'
const ROLLED_BACK = 'RELOAD_ROLLED_BACK'
const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** A reload that goes back by itself unless somebody confirms it: who has cut himself off need not do a thing. */
export class Confirmation {
  private pending: { readonly until: number; readonly timer: { cancel(): void } } | undefined

  constructor(
    private readonly clock: Clock,
    private readonly health: Health,
  ) {}

  /** Throws while one is awaited: which of two configurations to go back to would be anybody's guess. */
  refuseWhilePending(): void {
    if (this.pending) throw new GatewayError('REFUSED', `a reload waits for its confirmation until ${timeOf(this.pending.until)}: confirm it (postern reload --confirmed) or let it roll back`)
  }

  begin(seconds: number, file: string, rollBack: () => Promise<void>): void {
    const until = this.clock.now() + seconds * 1000
    const timer = this.clock.after(seconds * 1000, () => {
      this.pending = undefined
      this.health.clear(PENDING)
      rollBack().then(
        () => this.health.raise(ROLLED_BACK, 'warning', `nobody confirmed the last reload within ${formatDuration(seconds)}: the configuration before it is in force; ${file} still holds the other one`),
        (error: unknown) => this.health.raise(ROLLED_BACK, 'error', `the last reload was not confirmed and cannot be rolled back: ${error instanceof Error ? error.message : String(error)}`),
      )
    })
    this.pending = { until, timer }
    this.health.raise(PENDING, 'warning', `the last reload is rolled back at ${timeOf(until)} unless confirmed: postern reload --confirmed`)
  }

  confirm(): void {
    if (!this.pending) throw new GatewayError('REFUSED', 'no reload waits for a confirmation')
    this.stop()
    this.health.clear(PENDING)
  }

  /** A configuration was accepted: the file is what is in force. */
  settled(): void {
    this.health.clear(ROLLED_BACK)
  }

  stop(): void {
    this.pending?.timer.cancel()
    this.pending = undefined
  }
}
