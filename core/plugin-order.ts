import type { Plugin } from './plugin.ts'

const nameOf = (token: symbol): string => (token.description ?? 'a token').replace(/^postern\./, '')

/**
 * Providers before those who require them, else the order of the list. `published` are the tokens of the core. Missing,
 * duplicate and cyclic providers are refused with the plugins' names.
 */
export function inOrder(plugins: readonly Plugin[], published: ReadonlySet<symbol>): Plugin[] {
  const owner = new Map<symbol, Plugin>()
  const names = new Set<string>()
  for (const plugin of plugins) {
    if (names.has(plugin.name)) throw new Error(`two plugins are called ${plugin.name}`)
    names.add(plugin.name)
    for (const token of plugin.provides ?? []) {
      const other = owner.get(token)
      if (other) throw new Error(`${nameOf(token)} is provided by both ${other.name} and ${plugin.name}`)
      if (published.has(token)) throw new Error(`${plugin.name} provides ${nameOf(token)}, which belongs to the core`)
      owner.set(token, plugin)
    }
  }
  const done = new Set<Plugin>()
  const visit = (plugin: Plugin, path: readonly Plugin[]): void => {
    if (done.has(plugin)) return
    if (path.includes(plugin)) throw new Error(`plugins require each other in a circle: ${[...path.slice(path.indexOf(plugin)), plugin].map((other) => other.name).join(' -> ')}`)
    for (const token of plugin.requires ?? []) {
      const provider = owner.get(token)
      if (provider) visit(provider, [...path, plugin])
      else if (!published.has(token)) throw new Error(`${plugin.name} requires ${nameOf(token)}, which nobody provides`)
    }
    done.add(plugin)
  }
  for (const plugin of plugins) visit(plugin, [])
  return [...done]
}
export { nameOf as tokenName }
