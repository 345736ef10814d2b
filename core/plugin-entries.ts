import type { LoadedConfig } from './config/load.ts'
import type { PluginEntry } from './host.ts'
import type { Plugin } from './plugin.ts'

/** Each plugin with its section of the configuration. */
export const pluginEntries = (plugins: readonly Plugin[], loaded: LoadedConfig): PluginEntry[] =>
  plugins.map((plugin) => {
    const section = loaded.plugin(plugin.name)
    return { plugin, config: section.value, off: section.state === 'off' ? (section.reason ?? 'switched off') : undefined }
  })
