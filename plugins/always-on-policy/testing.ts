import { readFileSync } from 'node:fs'
import { checkConfig } from '../../core/config/load.ts'
import type { GatewayConfig } from '../../core/api.ts'
import type { AlwaysOnConfig } from './config.ts'
import plugin from './index.ts'

export interface LoadedProfiles {
  readonly core: GatewayConfig
  readonly config: AlwaysOnConfig
}
export const testdata = (name: string): string => new URL(`testdata/${name}`, import.meta.url).pathname

/** A configuration as the gateway reads it; throws what the operator would see. */
export function loadProfiles(toml: string, file = testdata('test.toml')): LoadedProfiles {
  const loaded = checkConfig(Buffer.from(toml), file, [plugin])
  return { core: loaded.core, config: loaded.plugin('always-on-policy').value as AlwaysOnConfig }
}
export const loadFile = (name: string): LoadedProfiles => loadProfiles(readFileSync(testdata(name), 'utf8'), testdata(name))
/** Every line of the refusal, without the file's name. */
export function refusalOf(toml: string): string {
  try {
    loadProfiles(toml)
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll(`${testdata('test.toml')}:`, '') : String(error)
  }
  return 'accepted'
}
