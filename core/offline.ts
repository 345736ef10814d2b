import { systemClock } from './clock.ts'
import { bindCoreCommands, CORE_COMMANDS } from './commands/core-command-list.ts'
import type { CoreServices } from './commands/core-commands.ts'
import type { CommandInput, CommandResult } from './commands.ts'
import { loadConfig, problemsOf } from './config/load.ts'
import { GatewayError } from './errors.ts'
import { layFoundation } from './foundation.ts'
import { PluginHost } from './host.ts'
import { locate, type Locations } from './locations.ts'
import { PinoLogger } from './pino-logger.ts'
import type { LocalPlace, LocationOptions, Plugin } from './plugin.ts'
import { pluginEntries } from './plugin-entries.ts'
import { createPolicies } from './policy/policies.ts'
import { Slots } from './slots.ts'
import { AUDIT, CLOCK, CONFIG, HEALTH, POLICIES, STORE, X509_LIBRARY } from './tokens.ts'
import { VERSION } from './version.ts'
import type { X509 } from './x509.ts'

/** A command of another process on the same data directory is over soon; a gateway is not. */
const LOCK_WAIT_MS = 2000

/** One command in this process, on the store, without sessions and data plane. */
export async function runOffline(options: LocationOptions, path: string, input: CommandInput, plugins: readonly Plugin[], x509?: X509): Promise<CommandResult> {
  const core = CORE_COMMANDS.find(({ definition }) => definition.path === path)
  // A local command asks for the clock alone: it works where neither configuration nor store are.
  if (core?.definition.where === 'local') return core.handler({ clock: systemClock } as CoreServices)(input)
  if (core?.definition.where === 'gateway') throw new GatewayError('NOT_RUNNING', 'the gateway does not run')
  const local = plugins.find((plugin) => plugin.local && Object.hasOwn(plugin.local, path))?.local?.[path]
  if (local) return local(localPlace(options, plugins))(input)
  return withStore(locate(options), plugins, (host) => host.commands.run(path, input), x509)
}

function localPlace(options: LocationOptions, plugins: readonly Plugin[]): LocalPlace {
  const { dataDirectory } = locate(options)
  return {
    clock: systemClock,
    version: VERSION,
    dataDirectory,
    problemsOf: (text, file) => problemsOf(text, file, plugins),
    withStore: (config, use) => withStore({ config, dataDirectory }, plugins, (host) => use((token) => host.resolve(token))),
  }
}

async function withStore<T>({ config: file, dataDirectory }: Locations, plugins: readonly Plugin[], use: (host: PluginHost) => T | Promise<T>, x509?: X509): Promise<T> {
  const loaded = loadConfig(file, plugins)
  const log = PinoLogger.stderr()
  const foundation = layFoundation(dataDirectory, systemClock, log, LOCK_WAIT_MS)
  try {
    const { audit, clock, health, store } = foundation
    const slots = new Slots()
    const policies = createPolicies(loaded.core, () => slots.policySource.list())
    const host = new PluginHost({ log, slots, dataDirectory, mode: 'command' })
    host.publish(AUDIT, audit)
    host.publish(CLOCK, clock)
    host.publish(CONFIG, loaded.core)
    host.publish(HEALTH, health)
    host.publish(POLICIES, policies)
    host.publish(STORE, store)
    if (x509) host.publish(X509_LIBRARY, x509)
    bindCoreCommands(host.commands, { audit, clock, config: loaded.core, dataDirectory, health, log, policies, store, plugins: () => host.status(), serving: undefined })
    try {
      await host.start(pluginEntries(plugins, loaded), { name: 'core', commands: CORE_COMMANDS.map(({ definition }) => definition) })
      return await use(host)
    } finally {
      await host.stop()
    }
  } finally {
    foundation.close()
  }
}
