import type { Clock } from '../clock.ts'
import type { DataPlane } from '../dataplane.ts'
import { POLICY_KEYS } from '../policy/keys.ts'
import type { Slots } from '../slots.ts'
import type { PolicyRenewal } from './policy-renewal.ts'
import type { SessionIndex } from './session-index.ts'
import type { SessionListeners } from './session-listeners.ts'
import type { SessionRecord } from './session-record.ts'

/** A crowd must not come back at once: so many clients are sent round in each step. */
const STEP_CLIENTS = 5
const STEP_MS = 100

export interface ReconnectRoundParts {
  readonly clock: Clock
  readonly dataPlane: DataPlane
  readonly index: SessionIndex
  readonly listeners: SessionListeners
  readonly renewal: Pick<PolicyRenewal, 'owed'>
  readonly slots: Pick<Slots, 'negotiator'>
}

/** Clients that were told something else than what is in force come back for it with their cookies, a few at a time. */
export class ReconnectRound {
  private waiting: string[] = []
  private timer: { cancel(): void } | undefined

  constructor(private readonly parts: ReconnectRoundParts) {}

  /** Those of now, in the place of those that still waited. How many. */
  begin(): number {
    this.stop()
    const outdated = this.parts.index.all().filter((record) => this.owed(record).length > 0)
    this.waiting = outdated.map(({ id }) => id)
    this.step()
    return outdated.length
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.waiting = []
  }

  private step(): void {
    for (const id of this.waiting.splice(0, STEP_CLIENTS)) this.send(id)
    this.timer = this.waiting.length === 0 ? undefined : this.parts.clock.after(STEP_MS, () => this.step())
  }

  /** Unless it has come by itself since. */
  private send(id: string): void {
    const { dataPlane, index, listeners } = this.parts
    const record = index.get(id)
    const tunnel = record?.machine.tunnel
    const owed = record ? this.owed(record) : []
    if (!record || tunnel === undefined || owed.length === 0) return
    record.sentRound = tunnel
    listeners.sentRound(record, owed)
    dataPlane.drop(tunnel, 'close', '')
  }

  /** Keys of policy and sections of plugins. */
  private owed(record: SessionRecord): readonly string[] {
    const { renewal, slots } = this.parts
    if (record.machine.tunnel === undefined) return []
    const sections = slots.negotiator.list().filter((negotiator) => negotiator.outdated?.(record))
    return [...renewal.owed(record).map((key) => POLICY_KEYS[key].key), ...sections.map(({ name }) => `[${name}]`)]
  }
}
