import type { Clock } from '../clock.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { inForce, type LiveConfig } from '../config/live-config.ts'
import type { LoadedConfig } from '../config/load.ts'
import { sameValue } from '../config/same-value.ts'
import type { Health } from '../health.ts'
import type { PluginHost } from '../host.ts'
import type { Logger } from '../log.ts'
import { largestMtu } from '../open-spec.ts'
import type { Plugin } from '../plugin.ts'
import { createPolicies } from '../policy/policies.ts'
import type { SessionTable } from '../session/session-table.ts'
import type { Slots } from '../slots.ts'
import type { LoadedTls } from '../tls/contexts.ts'
import { Confirmation } from './confirmation.ts'
import { planReload, type PlanEntry, type SessionEffect } from './plan.ts'
import { inOneGo, type Step } from './transaction.ts'

export interface ReloadParts {
  readonly clock: Clock
  readonly config: LiveConfig
  readonly health: Health
  readonly host: Pick<PluginHost, 'status' | 'takesConfig' | 'applyConfig'>
  readonly log: Logger
  readonly plugins: readonly Plugin[]
  readonly sessions: Pick<SessionTable, 'renewal' | 'renewPolicies' | 'reconfigurePools' | 'round'>
  readonly slots: Slots
  /** Bytes; undefined before the data plane is open. */
  deviceMtu(): number | undefined
  /** The file, read and checked. */
  load(): LoadedConfig
  /** `keep` false: nothing is written. */
  loadTls(config: GatewayConfig, keep: boolean): Promise<LoadedTls>
  tls(): LoadedTls | undefined
  useTls(tls: LoadedTls): void
}

export interface ReloadOptions {
  /** Clients that have to be told come back for it. */
  readonly reconnect?: boolean
  /** Rolls back after so many seconds unless confirmed. */
  readonly confirmSec?: number | undefined
}
export interface ReloadReport {
  readonly plan: readonly PlanEntry[]
  /** Clients that are sent round. */
  readonly reconnecting: number
}

/** Another configuration for a gateway that runs: planned, then in force as a whole or not at all. */
export class Reloads {
  private readonly confirmation: Confirmation
  private last: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly parts: ReloadParts,
    /** As it is in force: sections that wait for a restart are the old ones. */
    private current: LoadedConfig,
  ) {
    this.confirmation = new Confirmation(parts.clock, parts.health)
  }

  /** What a reload would do now. Changes nothing. */
  plan(): Promise<readonly PlanEntry[]> {
    return this.inTurn(async () => {
      const next = this.parts.load()
      return this.planOf(next, await this.parts.loadTls(next.core, false))
    })
  }

  /** Throws why the configuration is refused; then nothing has changed. */
  apply({ reconnect = false, confirmSec }: ReloadOptions = {}): Promise<ReloadReport> {
    return this.inTurn(async () => {
      const { log, sessions } = this.parts
      this.confirmation.refuseWhilePending()
      const next = this.parts.load()
      const before = { config: this.current, tls: this.parts.tls() }
      const tls = await this.parts.loadTls(next.core, true)
      const plan = this.planOf(next, tls)
      await this.take(next, tls)
      this.confirmation.settled()
      this.tellWarnings(next, plan)
      const reconnecting = reconnect ? sessions.round.begin() : 0
      log.info('configuration reloaded', { certificate: tls.pin, plan: plan.map(({ kind, what }) => `${kind} ${what}`), reconnecting })
      if (confirmSec !== undefined) {
        this.confirmation.begin(confirmSec, next.core.file, () => this.inTurn(async () => {
          await this.take(before.config, before.tls ?? tls)
          this.tellWarnings(before.config, [])
          if (reconnect) sessions.round.begin()
          log.warn('configuration rolled back: it was not confirmed')
        }))
      }
      return { plan, reconnecting }
    })
  }

  confirm(): void {
    this.confirmation.confirm()
  }
  stop(): void {
    this.confirmation.stop()
  }

  private planOf(next: LoadedConfig, tls: LoadedTls): readonly PlanEntry[] {
    const { host, sessions: { renewal }, slots } = this.parts
    const core = inForce(this.parts.config.now, next.core)
    const policies = createPolicies(core, () => slots.policySource.list())
    const { changes, cuts } = renewal.preview(undefined, { config: core, policies })
    const device = this.parts.deviceMtu()
    const effects: SessionEffect[] = [
      ...changes.map(({ record, after, changed }) => ({ changed, owed: changed.length > 0 ? renewal.owed(record, after.values) : [] })),
      ...cuts.map(({ cause }) => ({ changed: [], owed: [], cut: cause })),
    ]
    return planReload({
      old: this.current, next, sessions: effects,
      plugins: new Map(this.parts.plugins.filter(({ absent }) => absent === undefined).map(({ name }) => [name, host.takesConfig(name)])),
      certificates: !sameValue(tls.contexts, this.parts.tls()?.contexts),
      told: (name, before, after) => this.parts.plugins.find((plugin) => plugin.name === name)?.toldAtConnect?.(before, after),
      mtu: device === undefined ? undefined : { device, largest: largestMtu(core, policies) },
    })
  }

  private async take(next: LoadedConfig, tls: LoadedTls): Promise<void> {
    const { config, health } = this.parts
    const old = this.current
    const core = inForce(config.now, next.core)
    const taken = this.parts.plugins.filter(({ name }) => this.takesOver(name, next)).map(({ name }) => name)
    await inOneGo([this.tlsStep(tls), ...taken.map((name) => this.pluginStep(name, old.plugin(name).value, next.plugin(name).value)), this.coreStep(core)], (step, error) => {
      health.raise('RELOAD_STUCK', 'error', `a reload was refused, and ${step.name} did not go back to what it was: restart the gateway (${error instanceof Error ? error.message : String(error)})`)
    })
    this.current = { core, warnings: next.warnings, plugin: (name) => (taken.includes(name) ? next : old).plugin(name) }
    for (const listener of this.parts.slots.configuration.list()) {
      try {
        await listener.configChanged(core, old.core)
      } catch (error) {
        this.parts.log.error('a listener of the configuration failed', { error })
      }
    }
  }

  private takesOver(name: string, next: LoadedConfig): boolean {
    const [before, after] = [this.current.plugin(name), next.plugin(name)]
    return before.state === 'on' && after.state === 'on' && !sameValue(before.value, after.value) && this.parts.host.takesConfig(name)
  }

  private tlsStep(tls: LoadedTls): Step {
    const before = this.parts.tls()
    return { name: 'the certificate', apply: () => this.parts.useTls(tls), undo: () => (before ? this.parts.useTls(before) : undefined) }
  }

  private pluginStep(name: string, before: unknown, after: unknown): Step {
    const { host } = this.parts
    return { name, apply: () => host.applyConfig(name, after), undo: () => host.applyConfig(name, before) }
  }

  /** Comes last: from here on nothing is in the way but the store, before anything is in force. */
  private coreStep(core: GatewayConfig): Step {
    const { config, sessions } = this.parts
    const before = config.now
    return {
      name: 'the core',
      apply() {
        config.replace(core)
        try {
          sessions.renewPolicies()
        } catch (error) {
          config.replace(before)
          throw error
        }
        if (!sameValue(core.pools, before.pools)) sessions.reconfigurePools()
      },
      undo: () => config.replace(before),
    }
  }

  private tellWarnings({ warnings }: LoadedConfig, plan: readonly PlanEntry[]): void {
    const { health } = this.parts
    if (warnings.length > 0) health.raise('CONFIG_WARNINGS', 'warning', warnings.map(({ text }) => text).join('; '))
    else health.clear('CONFIG_WARNINGS')
    const waiting = plan.flatMap(({ kind, what }) => (kind === 'restart' ? [what] : []))
    if (waiting.length > 0) health.raise('CONFIG_RESTART', 'warning', `a restart is needed for ${waiting.join(', ')}`)
    else health.clear('CONFIG_RESTART')
  }

  /** One after the other. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work, work)
    this.last = turn.catch(() => undefined)
    return turn
  }
}
