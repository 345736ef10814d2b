import { join, resolve } from 'node:path'
import type { LocationOptions } from './plugin.ts'

export const DEFAULT_DATA_DIRECTORY = '/var/lib/postern'

export interface Locations {
  /** undefined: nobody named one; the default file is read when it is there. */
  readonly config: string | undefined
  readonly dataDirectory: string
}

/** An option wins over the environment (`POSTERN_CONFIG`, `POSTERN_DATA_DIR`), that over the default. */
export function locate(options: LocationOptions, environment: NodeJS.ProcessEnv = process.env): Locations {
  const config = options.config ?? (environment['POSTERN_CONFIG'] || undefined)
  return {
    config: config === undefined ? undefined : resolve(config),
    dataDirectory: resolve(options.dataDir ?? (environment['POSTERN_DATA_DIR'] || DEFAULT_DATA_DIRECTORY)),
  }
}

/** Where the running gateway of that data directory answers commands. */
export const adminSocket = (dataDirectory: string): string => join(dataDirectory, 'admin.sock')
