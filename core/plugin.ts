import type { ZodType } from 'zod'
import type { Clock } from './clock.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { CommandDefinition, CommandHandler } from './commands.ts'
import type { DependencyContainer } from './di.ts'
import type { Dispose, Hook, Hooks } from './hooks.ts'
import type { Logger } from './log.ts'
import type { Slots } from './slots.ts'
import type { Token } from './tokens.ts'

/** Returned by `start` when the plugin cannot run here; shown in `postern status`, not an error. */
export interface Skip {
  readonly skip: string
}
export const skip = (reason: string): Skip => ({ skip: reason })

export interface PluginContext<C> {
  readonly config: C
  readonly log: Logger
  /** This plugin's own child container: its classes resolve here and nowhere else. */
  readonly container: DependencyContainer
  readonly slots: Slots
  /** `serve`: the gateway runs. `command`: one command runs on the store, no data plane. */
  readonly mode: 'serve' | 'command'
  /** Own directory below the data directory, 0700, made on first use. */
  dataDirectory(): string
  /** Data directory of the gateway. */
  readonly gatewayDirectory: string
  /** Publishes an instance for the others; must be named in `provides`. */
  provide<T>(token: Token<T>, value: T): void
  /** Contributes to an extension point; removed automatically on stop. */
  add<T>(slot: Hooks<T>, value: T): Dispose
  set<T>(slot: Hook<T>, value: T): Dispose
  /** Binds the handler of a command that is in the plugin's `commands`. */
  command(path: string, handler: CommandHandler): void
  /**
   * A reload brings this section with other values: `apply` takes them over, or throws a GatewayError and has changed
   * nothing; then everything that the reload had changed goes back. A plugin that registers none needs a restart.
   */
  onConfig(apply: (config: C) => void | Promise<void>): void
  /** Registered at the moment the thing exists; run in reverse, awaited one by one. */
  onStop(fn: () => void | Promise<void>): void
  /** Aborted when the start takes too long or the gateway stops. */
  readonly signal: AbortSignal
}

/**
 * A plugin: a folder, a TOML section, a log name, all of one name. Core imports none of them; `plugins/index.ts` is the
 * ordered list of what ships.
 */
export interface Plugin<C = unknown> {
  readonly name: string
  readonly summary: string
  /** Strict zod object. */
  readonly config: ZodType<C>
  /** Runs without a section in the file. Default true. */
  readonly runsByDefault?: boolean
  /** `serve`: only in a running gateway. Default. `always`: also when one command runs on the store. */
  readonly runs?: 'serve' | 'always'
  /**
   * Where the back-end of a plugin `auth-…` stands in a chain. `silent`: it asks nothing, so before all that ask; `first`:
   * before all others that ask; `later`: behind a step that says who it is. Default: anywhere.
   */
  readonly loginStep?: 'silent' | 'first' | 'later'
  /** Back-ends of a plugin `auth-…` beside the one that it is named after; `loginStep` counts for them too. */
  readonly furtherSteps?: readonly string[]
  readonly requires?: readonly Token<never>[] | readonly symbol[]
  readonly provides?: readonly symbol[]
  readonly commands?: readonly CommandDefinition[]
  /** Handlers of those of `commands` that are `local`: they run where neither configuration nor store are. */
  readonly local?: Readonly<Record<string, (place: LocalPlace) => CommandHandler>>
  start(context: PluginContext<C>): void | Skip | Promise<void | Skip>
  /** What of this section clients are told with CONNECT and `next` has otherwise than `now`, in a few words: they hear of it with their next one. */
  toldAtConnect?(now: C, next: C): string | undefined
  /** Problems between this section and the core's own, found with every other problem of the file. `path` is below the section. */
  crossCheck?(config: C, core: GatewayConfig): readonly CrossProblem[]
  /** `postern check`: problems of the environment that the schema cannot see, one line each. Touches nothing. */
  check?(config: C, environment: CheckEnvironment): Promise<readonly CheckFinding[]> | readonly CheckFinding[]
  /** Set for a plugin whose section is known but which this version does not have: accepted, never started, said so. */
  readonly absent?: string
  /** The terminal front end, for the one plugin that has it. */
  readonly commandLine?: CommandLine
}
export interface CrossProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}
export interface CheckEnvironment {
  readonly configFile: string
  readonly dataDirectory: string
  readonly core: GatewayConfig
  /** PEM chains of the certificates for a server name, leaf first; empty when they are not usable. */
  chains(serverName: string | undefined): readonly string[]
}
/** What a local command may use of the core. */
export interface LocalPlace {
  readonly clock: Clock
  readonly version: string
  readonly dataDirectory: string
  /** What is wrong with the text of a configuration as it would stand in `file`; `key` is the path, `policy.dns[1]`. Throws ConfigError for what is no TOML. */
  problemsOf(text: string, file: string): readonly { readonly key: string; readonly message: string }[]
  /** Opens the store with the configuration in `file`, with the plugins that run always, for as long as `use` takes. Throws `ALREADY_RUNNING`. */
  withStore<T>(file: string, use: (resolve: <S>(token: Token<S>) => S) => T | Promise<T>): Promise<T>
}
export interface CheckFinding {
  readonly severity: 'error' | 'warning'
  readonly text: string
}

/** What core offers to the plugin that talks to the terminal. */
export interface CommandLineHost {
  readonly definitions: readonly CommandDefinition[]
  readonly version: string
  readonly defaults: { readonly config: string; readonly dataDirectory: string }
  /** Foreground gateway; resolves with the exit code when it has stopped. */
  serve(options: LocationOptions): Promise<number>
  /** `postern check`. */
  check(options: LocationOptions): Promise<{ readonly ok: boolean; readonly findings: readonly CheckFinding[] }>
  /** Runs one command in this process, on the store, with `runs: 'always'` plugins. */
  runOffline(options: LocationOptions, path: string, input: import('./commands.ts').CommandInput): Promise<import('./commands.ts').CommandResult>
  /** Where the admin socket of the gateway on that data directory is. */
  socketPath(options: LocationOptions): string
}
export interface LocationOptions {
  readonly config?: string | undefined
  readonly dataDir?: string | undefined
}
export type CommandLine = (argv: readonly string[], host: CommandLineHost) => Promise<number>
