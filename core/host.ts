import { CommandRegistry, refuseDuplicates } from './command-registry.ts'
import { container as processContainer } from './di.ts'
import { GatewayError, PluginError } from './errors.ts'
import type { Logger } from './log.ts'
import type { Plugin } from './plugin.ts'
import { inOrder, tokenName } from './plugin-order.ts'
import { PluginRun, type StopStep } from './plugin-run.ts'
import type { Slots } from './slots.ts'
import { withTimeLimit } from './time-limit.ts'
import { COMMANDS, LOGGER, type Token } from './tokens.ts'

const START_LIMIT_MS = 15_000
const STOP_LIMIT_MS = 5_000

export interface PluginStatus {
  readonly name: string
  readonly state: 'on' | 'off' | 'skipped' | 'failed'
  readonly reason?: string
}
/** One plugin of the list with its validated configuration. */
export interface PluginEntry {
  readonly plugin: Plugin
  readonly config: unknown
  /** Why it does not run; undefined: it runs. */
  readonly off?: string | undefined
}
export interface HostOptions {
  readonly log: Logger
  readonly slots: Slots
  readonly dataDirectory: string
  readonly mode: 'serve' | 'command'
  readonly startLimitMs?: number
  readonly stopLimitMs?: number
}

/**
 * Starts plugins one by one, those who provide before those who require, and stops them in reverse, step by step. A
 * failed or late start ends in the same stop. Child containers, not the process-wide one (reference style, part 4).
 */
export class PluginHost {
  readonly commands = new CommandRegistry()
  private readonly root = processContainer.createChildContainer()
  private readonly published = new Set<symbol>()
  private readonly states = new Map<string, PluginStatus>()
  private readonly runs: PluginRun[] = []
  private readonly steps: StopStep[] = []

  constructor(private readonly options: HostOptions) {
    this.publish(COMMANDS, this.commands)
    this.publish(LOGGER, options.log)
  }

  /** Makes an instance resolvable for every plugin that starts later. */
  publish<T>(token: Token<T>, value: T): void {
    if (this.published.has(token)) throw new Error(`${tokenName(token)} is provided already`)
    this.published.add(token)
    this.root.registerInstance(token, value)
  }

  /** What the core or a plugin has published. */
  resolve<T>(token: Token<T>): T {
    if (!this.published.has(token)) throw new GatewayError('PLUGIN', `nobody provides ${tokenName(token)}: the plugin is switched off`)
    return this.root.resolve<T>(token)
  }

  status(): readonly PluginStatus[] {
    return [...this.states.values()]
  }

  /** `core`: the core's own commands, for the check that each path has one owner. */
  async start(entries: readonly PluginEntry[], core: Pick<Plugin, 'name' | 'commands'> = { name: 'core' }): Promise<void> {
    const byName = new Map(entries.map((entry) => [entry.plugin.name, entry]))
    for (const { plugin, off } of entries) this.states.set(plugin.name, { name: plugin.name, state: 'off', ...(off === undefined ? {} : { reason: off }) })
    const wanted = entries.filter((entry) => entry.off === undefined && (this.options.mode === 'serve' || entry.plugin.runs === 'always'))
    try {
      refuseDuplicates([core, ...entries.map((entry) => entry.plugin)])
      const ordered = this.ordered(wanted.map((entry) => entry.plugin))
      for (const plugin of ordered) await this.startOne(plugin, byName.get(plugin.name)?.config)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Reverse, one by one, all of them; a step that fails or takes too long is logged with its plugin's name. */
  async stop(): Promise<void> {
    for (const run of this.runs.splice(0)) run.stopping()
    await this.unwind(0)
  }

  private async unwind(depth: number): Promise<void> {
    const limit = this.options.stopLimitMs ?? STOP_LIMIT_MS
    while (this.steps.length > depth) {
      const { plugin, run } = this.steps.pop() as StopStep
      try {
        await withTimeLimit(Promise.resolve(run()), limit, () => new Error(`stop took longer than ${limit} ms`))
      } catch (error) {
        this.options.log.error('plugin did not stop cleanly', { culprit: plugin, error })
      }
    }
  }

  private ordered(plugins: readonly Plugin[]): Plugin[] {
    try {
      return inOrder(plugins, this.published)
    } catch (error) {
      throw new GatewayError('PLUGIN', error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  private async startOne(plugin: Plugin, config: unknown): Promise<void> {
    const missing = plugin.requires?.find((token) => !this.published.has(token))
    // Its provider was skipped: so is this one, and that is no error.
    if (missing !== undefined) return this.skipped(plugin, `the plugin that provides ${tokenName(missing)} is skipped`)
    const { options } = this
    const depth = this.steps.length
    const run = new PluginRun(plugin, config, {
      root: this.root, commands: this.commands, slots: options.slots, log: options.log, dataDirectory: options.dataDirectory, mode: options.mode,
      publish: (token, value) => this.publish(token, value),
      onStop: (step) => void this.steps.push(step),
    })
    this.runs.push(run)
    try {
      const limit = options.startLimitMs ?? START_LIMIT_MS
      const result = await withTimeLimit(Promise.resolve(plugin.start(run.context)), limit, () => {
        run.abandon()
        return new Error(`did not start within ${limit / 1000} s`)
      })
      if (result) {
        await this.unwind(depth)
        return this.skipped(plugin, result.skip)
      }
      this.refuseUnkept(plugin)
      this.states.set(plugin.name, { name: plugin.name, state: 'on' })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.states.set(plugin.name, { name: plugin.name, state: 'failed', reason: message })
      throw new PluginError(plugin.name, message, { cause: error })
    }
  }

  /** Whether the plugin takes another section over while it runs. */
  takesConfig(name: string): boolean {
    return this.runs.some((run) => run.name === name && run.applyConfig !== undefined)
  }

  /** Hands over another section. Throws what the plugin throws: then it has changed nothing. */
  async applyConfig(name: string, config: unknown): Promise<void> {
    const apply = this.runs.find((run) => run.name === name)?.applyConfig
    if (!apply) throw new PluginError(name, 'takes no other configuration while it runs')
    const limit = this.options.startLimitMs ?? START_LIMIT_MS
    try {
      await withTimeLimit(Promise.resolve(apply(config)), limit, () => new Error(`did not take its configuration over within ${limit / 1000} s`))
    } catch (error) {
      throw error instanceof GatewayError ? error : new PluginError(name, error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  private skipped(plugin: Plugin, reason: string): void {
    this.states.set(plugin.name, { name: plugin.name, state: 'skipped', reason })
    this.options.log.child(plugin.name).info('plugin skipped', { reason })
  }

  /** What was declared must be there: tokens, and a handler for each command that can run in this mode. */
  private refuseUnkept(plugin: Plugin): void {
    const token = plugin.provides?.find((candidate) => !this.published.has(candidate))
    if (token !== undefined) throw new Error(`declares ${tokenName(token)} and did not provide it`)
    const runsHere = this.options.mode === 'serve' ? ['gateway', 'either'] : ['either', 'local']
    const unbound = plugin.commands?.find((definition) => runsHere.includes(definition.where) && !this.commands.has(definition.path))
    if (unbound) throw new Error(`declares the command "${unbound.path}" and did not bind it`)
  }
}
