import type { Clock, Health, Logger } from '../../core/api.ts'
import type { Nft } from './nft.ts'
import type { Roster } from './roster.ts'
import { changeScript, fits, removalScript, rulesetScript, shapeOf, type Ruleset, type Shape } from './ruleset.ts'

/** Changes of so long go into one transaction: a burst of logins does not start a program for each. */
const BATCH_MS = 30
/** How often somebody else's `flush ruleset` is looked for. */
const LOOK_MS = 3_000
/** How long the health entry of such a flush stands. */
const TELL_MS = 600_000
const TABLE_CODE = 'firewall-table'
const FLUSHED_CODE = 'firewall-flushed'

export interface TableParts {
  readonly nft: Nft
  readonly roster: Roster
  readonly health: Health
  readonly clock: Clock
  readonly log: Logger
  /** As the configuration is now. */
  readonly ruleset: (device: string) => Ruleset
  /** The kernel has what the roster had when `taken` was called last. */
  readonly standing: () => void
  readonly taken: () => void
  /** What the kernel has is not what it should have, and that could not be mended. */
  readonly lost: () => void
}

/** Keeps the gateway's table in the kernel equal to configuration and roster. */
export class Table {
  private device: string | undefined
  private applied: { readonly base: string; readonly shape: Shape; handle: number } | undefined
  private work: Promise<void> = Promise.resolve()
  private batch: { cancel(): void } | undefined
  private look: { cancel(): void } | undefined
  private told: { cancel(): void } | undefined

  constructor(private readonly parts: TableParts) {}

  get stands(): boolean {
    return this.applied !== undefined
  }

  /** Resolves when the table stands, or a health entry says why it does not. */
  async up(device: string): Promise<void> {
    this.device = device
    await this.inTurn(() => this.applyAll(device))
    this.watch()
  }

  async down(): Promise<void> {
    const { device } = this
    this.device = undefined
    for (const timer of [this.batch, this.look, this.told]) timer?.cancel()
    if (device === undefined) return
    await this.inTurn(async () => {
      this.applied = undefined
      try {
        await this.parts.nft.apply(removalScript(device))
      } catch (error) {
        this.parts.log.error('firewall table not removed', { device, error })
      }
    })
  }

  /** The roster or the configuration has changed. */
  changed(): void {
    if (this.batch || this.device === undefined) return
    this.batch = this.parts.clock.after(BATCH_MS, () => {
      this.batch = undefined
      void this.settle()
    })
  }

  /** Resolves when the kernel has what is wanted now; false when it refuses that. */
  async settle(): Promise<boolean> {
    await this.inTurn(() => this.applyChange())
    return this.stands || this.device === undefined
  }

  private inTurn(task: () => Promise<void>): Promise<void> {
    this.work = this.work.then(task)
    return this.work
  }

  private async applyChange(): Promise<void> {
    const { device, applied } = this
    const { nft, roster, log, ruleset, standing, taken } = this.parts
    if (device === undefined) return
    if (!applied || applied.base !== JSON.stringify(ruleset(device))) return this.applyAll(device)
    const change = roster.takeChange()
    taken()
    if (!change) return standing()
    if (!fits(change, applied.shape)) return this.applyAll(device)
    try {
      await nft.apply(changeScript(device, change))
      standing()
    } catch (error) {
      log.warn('a change of the firewall table was refused: it is made anew', { device, error })
      await this.applyAll(device)
    }
  }

  private async applyAll(device: string): Promise<void> {
    const { nft, roster, health, log, ruleset, standing, taken, lost } = this.parts
    try {
      const rules = ruleset(device)
      const roll = roster.takeAll()
      taken()
      await nft.apply(rulesetScript(rules, roll))
      const handle = (await nft.tables()).get(device)
      if (handle === undefined) throw new Error('the table is gone again')
      this.applied = { base: JSON.stringify(rules), shape: shapeOf(roll), handle }
      health.clear(TABLE_CODE)
      standing()
    } catch (error) {
      // Clients can still log in and reach the gateway; what they send is judged by the data plane.
      this.applied = undefined
      health.raise(TABLE_CODE, 'error', `no firewall table for ${device}: ${(error as Error).message}. The gateway's own filter judges what clients send; nothing is masqueraded`)
      log.error('firewall table refused', { device, error })
      lost()
    }
  }

  private watch(): void {
    this.look = this.parts.clock.after(LOOK_MS, () => {
      void this.inTurn(() => this.inspect()).then(() => {
        if (this.device !== undefined) this.watch()
      })
    })
  }

  private async inspect(): Promise<void> {
    const { nft, clock, health, log } = this.parts
    const { device, applied } = this
    if (device === undefined) return
    try {
      if (!applied || (await nft.tables()).get(device) === applied.handle) return await this.applyChange()
      await this.applyAll(device)
      if (!this.stands) return
      log.warn('somebody removed the firewall table: it is back', { device })
      health.raise(FLUSHED_CODE, 'warning', `somebody removed the firewall table of ${device} (flush ruleset?); it was put back`)
      this.told?.cancel()
      this.told = clock.after(TELL_MS, () => health.clear(FLUSHED_CODE))
    } catch (error) {
      log.warn('the firewall table could not be looked at', { device, error })
    }
  }
}
