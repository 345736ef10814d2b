import type { Audit } from '../audit.ts'
import type { Clock } from '../clock.ts'
import type { CommandDefinition, CommandHandler } from '../commands.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { DataPlane, OpenInfo } from '../dataplane.ts'
import type { Health } from '../health.ts'
import type { Logger } from '../log.ts'
import type { Policies } from '../policy/policy.ts'
import type { Reloads } from '../reload/reloads.ts'
import type { Sessions } from '../session/session.ts'
import type { MetricSource, StatusSource } from '../slots.ts'
import type { Store } from '../store/store.ts'
import type { PluginStatus } from '../host.ts'

/** What the gateway has only while it serves. */
export interface Serving {
  readonly sessions: Sessions
  readonly dataPlane: DataPlane
  /** undefined until the data plane is open. */
  openInfo(): OpenInfo | undefined
  /** Monotonic milliseconds at start. */
  readonly startedAt: number
  /** undefined until everything has started. */
  reloads(): Reloads | undefined
  /** What plugins add to `postern status`. */
  status(): readonly StatusSource[]
  metrics(): readonly MetricSource[]
}

/** What the core's own commands work on. */
export interface CoreServices {
  readonly audit: Audit
  readonly clock: Clock
  readonly config: GatewayConfig
  readonly dataDirectory: string
  readonly health: Health
  readonly log: Logger
  readonly policies: Policies
  readonly store: Store
  plugins(): readonly PluginStatus[]
  /** undefined when one command runs on the store. */
  readonly serving: Serving | undefined
}

/** One command of the core: its static definition and the handler made for this process. */
export interface CoreCommand {
  readonly definition: CommandDefinition
  handler(services: CoreServices): CommandHandler
}
