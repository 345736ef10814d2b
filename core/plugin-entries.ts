import type { LoadedConfig } from './config/load.ts'
import type { PluginEntry } from './host.ts'
import type { Plugin } from './plugin.ts'

/** Each plugin with its section of the configuration; one that this version lacks only when its section asks for it. */
export const pluginEntries = (plugins: readonly Plugin[], loaded: LoadedConfig): PluginEntry[] =>
  plugins.flatMap((plugin) => {
    const section = loaded.plugin(plugin.name)
    if (plugin.absent !== undefined && section.state === 'off') return []
    return { plugin, config: section.value, off: section.state === 'off' ? (section.reason ?? 'switched off') : undefined }
  })
