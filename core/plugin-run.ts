import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandRegistry } from './command-registry.ts'
import type { DependencyContainer } from './di.ts'
import type { Dispose } from './hooks.ts'
import type { Logger } from './log.ts'
import type { Plugin, PluginContext } from './plugin.ts'
import type { Slots } from './slots.ts'
import { LOGGER, type Token } from './tokens.ts'
import { tokenName } from './plugin-order.ts'

export type StopStep = { readonly plugin: string; run(): void | Promise<void> }

/** What a plugin's context needs of the host. */
export interface HostSide {
  readonly root: DependencyContainer
  readonly slots: Slots
  readonly commands: CommandRegistry
  readonly log: Logger
  readonly dataDirectory: string
  readonly mode: 'serve' | 'command'
  publish<T>(token: Token<T>, value: T): void
  onStop(step: StopStep): void
}

/**
 * The context of one plugin. After `abandon` (start took too long) it accepts nothing more, and what a late start still
 * hands over to be stopped is stopped at once.
 */
export class PluginRun {
  private readonly abort = new AbortController()
  private abandoned = false
  readonly context: PluginContext<unknown>
  /** Takes over another section of the configuration; undefined: the plugin cannot. */
  applyConfig: ((config: unknown) => void | Promise<void>) | undefined

  constructor(
    private readonly plugin: Plugin,
    config: unknown,
    private readonly host: HostSide,
  ) {
    const { name } = plugin
    const log = host.log.child(name)
    const container = host.root.createChildContainer()
    container.registerInstance(LOGGER, log)
    host.onStop({ plugin: name, run: () => container.dispose() })
    this.context = {
      config,
      log,
      container,
      slots: host.slots,
      mode: host.mode,
      gatewayDirectory: host.dataDirectory,
      signal: this.abort.signal,
      dataDirectory: () => {
        const directory = join(host.dataDirectory, name)
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        return directory
      },
      provide: (token, value) => this.provide(token, value),
      add: (slot, value) => this.owned(slot.add(this.alive(value), name)),
      set: (slot, value) => this.owned(slot.set(this.alive(value), name)),
      command: (path, handler) => void this.owned(host.commands.bind(name, plugin.commands ?? [], path, this.alive(handler))),
      onConfig: (apply) => void (this.applyConfig = this.alive(apply)),
      onStop: (fn) => this.onStop(fn),
    }
  }

  get name(): string {
    return this.plugin.name
  }

  /** The start took too long: its signal fires. */
  abandon(): void {
    this.abandoned = true
    this.abort.abort(new Error(`${this.plugin.name}: start was abandoned`))
  }

  /** The gateway stops: the signal fires, stop steps may still use the context. */
  stopping(): void {
    this.abort.abort(new Error('the gateway stops'))
  }

  private provide<T>(token: Token<T>, value: T): void {
    if (!this.plugin.provides?.includes(token)) throw new Error(`${tokenName(token)} is not in the list of what ${this.plugin.name} provides`)
    this.host.publish(token, this.alive(value))
  }

  private owned(dispose: Dispose): Dispose {
    this.host.onStop({ plugin: this.plugin.name, run: dispose })
    return dispose
  }

  private onStop(fn: () => void | Promise<void>): void {
    if (!this.abandoned) return this.host.onStop({ plugin: this.plugin.name, run: fn })
    Promise.resolve(fn()).catch((error: unknown) => this.context.log.error('late stop failed', { error }))
  }

  private alive<T>(value: T): T {
    if (this.abandoned) throw new Error(`${this.plugin.name}: start was abandoned`)
    return value
  }
}
