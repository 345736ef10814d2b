import type { Clock } from './clock.ts'
import type { Health, HealthEntry, Severity } from './health.ts'
import type { Logger } from './log.ts'

/** The standing problems, in the order in which they came up. A change is logged once; the list is what people look at. */
export class HealthList implements Health {
  private readonly entries = new Map<string, HealthEntry>()

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  raise(code: string, severity: Severity, text: string): void {
    const old = this.entries.get(code)
    if (old?.severity === severity && old.text === text) return
    this.entries.set(code, { code, severity, text, since: old?.since ?? new Date(this.clock.now()).toISOString() })
    if (severity === 'error') this.log.error(text, { health: code })
    else if (severity === 'warning') this.log.warn(text, { health: code })
    else this.log.info(text, { health: code })
  }

  clear(code: string): void {
    if (this.entries.delete(code)) this.log.info('problem is over', { health: code })
  }

  list(): readonly HealthEntry[] {
    return [...this.entries.values()]
  }
}
