import { dirname, resolve } from 'node:path'
import { ConfigError, GatewayError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { CheckFinding, Plugin } from '../plugin.ts'
import { crossCheck } from './cross-checks.ts'
import { FileRefusal, readWhole } from './files.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { checkHosts, offeredNowhere } from './host-checks.ts'
import { locate } from './locate.ts'
import { ConfigProblems, pathText, Problems } from './problems.ts'
import { withScope } from './scope.ts'
import { readCore, readPlugin, type PluginSection } from './sections.ts'
import { decodeText, parseToml } from './toml.ts'
import { quote } from './written.ts'

export const DEFAULT_CONFIG_FILE = '/etc/postern/postern.toml'
/** The parser needs seconds for more. */
export const MAX_CONFIG_BYTES = 1024 * 1024
const CORE_SECTIONS = ['gateway', 'pool', 'policy', 'group', 'host']

export interface LoadedConfig {
  readonly core: GatewayConfig
  /** Section of one of the plugins that were given. */
  plugin(name: string): PluginSection
  readonly warnings: readonly CheckFinding[]
}
export interface LoadOptions {
  /** Read when no file is named; may be missing. */
  readonly defaultFile?: string
}

/**
 * Reads and checks the whole configuration. `file` undefined: the default file, or the built-in values when there is
 * none. Throws ConfigProblems with every problem, or GatewayError `CONFIG_FILE`.
 */
export function loadConfig(file: string | undefined, plugins: readonly Plugin[], options: LoadOptions = {}): LoadedConfig {
  const path = resolve(file ?? options.defaultFile ?? DEFAULT_CONFIG_FILE)
  return checkConfig(readConfig(path, file === undefined), path, plugins)
}

function readConfig(path: string, mayBeMissing: boolean): Uint8Array {
  try {
    return readWhole(path, MAX_CONFIG_BYTES).bytes
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error
    const missing = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
    if (missing && mayBeMissing) return new Uint8Array()
    throw new GatewayError('CONFIG_FILE', `cannot read the configuration ${path}: ${error.message}`, { cause: error })
  }
}

/** The same on bytes that were read already; files that they name are relative to the directory of `file`. */
export function checkConfig(bytes: Uint8Array, file: string, plugins: readonly Plugin[]): LoadedConfig {
  if (bytes.length > MAX_CONFIG_BYTES) throw new ConfigError(`is larger than ${MAX_CONFIG_BYTES} bytes`, { file })
  const text = decodeText(bytes, file)
  const table = parseToml(text, file)
  const problems = new Problems(file, locate(text))
  const warnings: string[] = []
  return withScope({ directory: dirname(file), warn: (warning) => warnings.push(warning) }, () => {
    const names = [...CORE_SECTIONS, ...plugins.map((plugin) => plugin.name)]
    for (const name of Object.keys(table)) {
      if (names.includes(name)) continue
      const guess = nearest(name, names)
      const what = typeof table[name] === 'object' ? `section [${pathText([name])}]` : `key ${quote(name)} outside of any section`
      problems.add([name], `unknown ${what}${guess === undefined ? '' : `; did you mean [${guess}]?`}`, 'key')
    }
    const { core, sound } = readCore(table, file, problems)
    const sections = new Map(plugins.flatMap((plugin) => {
      const section = readPlugin(plugin, table[plugin.name], problems)
      return section ? [[plugin.name, section] as const] : []
    }))
    for (const { name, absent } of plugins) if (absent !== undefined && sections.get(name)?.state === 'on') warnings.push(`[${name}] has no effect: ${absent}`)
    crossCheck(core, sound, problems)
    for (const plugin of plugins) checkAcross(plugin, sections.get(plugin.name), core, problems)
    checkHosts(core, sound, problems)
    checkBackends(core, plugins, sections, problems)
    problems.throwIfAny()
    return {
      core,
      plugin(name) {
        const section = sections.get(name)
        if (!section) throw new Error(`no plugin ${name} was given to loadConfig`)
        return section
      },
      warnings: [...warnings, ...offeredNowhere(core)].map((warning) => ({ severity: 'warning', text: warning })),
    }
  })
}

function checkAcross(plugin: Plugin, section: PluginSection | undefined, core: GatewayConfig, problems: Problems): void {
  if (section?.state !== 'on') return
  for (const { path, message } of plugin.crossCheck?.(section.value, core) ?? []) {
    const full = [plugin.name, ...path]
    problems.add(full, `${pathText(full)}: ${message}`)
  }
}

/** `auth = [["local"]]` needs a plugin `auth-local` that is on. */
function checkBackends(core: GatewayConfig, plugins: readonly Plugin[], sections: ReadonlyMap<string, PluginSection>, problems: Problems): void {
  const owners = new Map(plugins.flatMap((plugin) => (plugin.name.startsWith('auth-') && plugin.absent === undefined ? [plugin.name.slice(5), ...(plugin.furtherSteps ?? [])].map((step) => [step, plugin] as const) : [])))
  const known = [...owners.keys()]
  if (known.length === 0) return
  for (const group of core.groups.values()) {
    group.auth.forEach((chain, row) => chain.forEach((backend, column) => {
      const path = ['group', group.name, 'auth', row, column]
      const section = sections.get(owners.get(backend)?.name ?? '')
      if (!known.includes(backend)) {
        const guess = nearest(backend, known)
        problems.add(path, `${pathText(path)}: there is no back-end ${quote(backend)}${guess === undefined ? `; there are ${known.join(', ')}` : `; did you mean "${guess}"?`}`)
      } else if (section?.state === 'off') problems.add(path, `${pathText(path)}: back-end ${quote(backend)} is off: ${section.reason}`)
      else if (chain.indexOf(backend) !== column) problems.add(path, `${pathText(path)}: ${quote(backend)} is twice in one chain`)
      else {
        const why = misplaced(chain, column, (name) => owners.get(name)?.loginStep)
        if (why !== undefined) problems.add(path, `${pathText(path)}: ${quote(backend)} ${why}`)
      }
    }))
  }
}

function misplaced(chain: readonly string[], column: number, placeOf: (backend: string) => Plugin['loginStep']): string | undefined {
  const place = placeOf(chain[column] ?? '')
  if (place === undefined) return undefined
  if (place === 'later') return column === 0 ? 'needs a step before it that says who it is' : undefined
  const asks = chain.slice(0, column).find((name) => placeOf(name) !== 'silent')
  return asks === undefined ? undefined : `has to come before ${quote(asks)}`
}

/** What is wrong with a text that is TOML, as `file`; empty: it can be loaded. */
export function problemsOf(text: string, file: string, plugins: readonly Plugin[]): readonly { readonly key: string; readonly message: string }[] {
  try {
    checkConfig(Buffer.from(text), file, plugins)
    return []
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems.map(({ key, message }) => ({ key, message }))
    throw error
  }
}
