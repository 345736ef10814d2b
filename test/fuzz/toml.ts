import { z } from 'zod'
import { filePath } from '../../core/config/files.ts'
import { checkConfig } from '../../core/config/load.ts'
import { locate } from '../../core/config/locate.ts'
import { cidr, ipAddress, listenAddress } from '../../core/config/network.ts'
import { ConfigProblems } from '../../core/config/problems.ts'
import { duration, integer, quota, rate, size } from '../../core/config/units.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Plugin } from '../../core/plugin.ts'

const start = (): void => undefined
/** Shapes that real plugins have: lists of tables, unions, defaults, every unit. */
const plugins: readonly Plugin[] = [
  { name: 'auth-local', summary: '', config: z.strictObject({}), start },
  {
    name: 'auth-radius', summary: '', runsByDefault: false, start,
    config: z.strictObject({
      server: z.array(z.strictObject({ address: listenAddress(), ca: z.union([filePath(), z.array(filePath())]).optional(), timeout: duration({ max: 60 }).default(5) })).min(1),
      zone: z.record(z.string(), z.strictObject({ servers: z.array(ipAddress()), net: cidr().optional() })).default({}),
      limits: z.strictObject({ size: size(), rate: rate(), quota: quota(), tries: integer(0, 5) }).partial().default({}),
    }),
  },
]

/** Whatever the bytes are: a configuration, or a ConfigError whose places lie in the text and whose lines are lines. */
export function run(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8')
  locate(text).value(['policy', 'dns', 0])
  const lines = text.split('\n').length
  try {
    const { core } = checkConfig(bytes, '/etc/postern/postern.toml', plugins)
    if (core.pools.size === 0 || core.groups.size === 0) throw new Error('a configuration without a pool or a group')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { line = 1, column = 1 } = error.at
    if (line < 1 || line > lines || column < 1) throw new Error(`the place ${line}:${column} is not in the text`, { cause: error })
    const expected = error instanceof ConfigProblems ? error.problems.length : 1
     
    if (error.message.split('\n').length !== expected || /[\x00-\x09\x0b-\x1f\x7f]/.test(error.message)) throw new Error('a refusal is not one line for each problem', { cause: error })
    if (error.message.length > 100_000) throw new Error('the refusal is too long', { cause: error })
  }
}
