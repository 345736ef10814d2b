import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { ConfigError } from '../errors.ts'
import type { Plugin } from '../plugin.ts'
import { secretFile } from './files.ts'
import { checkConfig } from './load.ts'
import { listenAddress } from './network.ts'
import { duration, integer } from './units.ts'

/**
 * `testdata/*.toml`: a configuration, a line of dashes, then what comes of it: JSON whose keys must be there with these
 * values, or the text of the refusal.
 */
const folder = join(import.meta.dirname, 'testdata')
const start = (): void => undefined
const plugins: readonly Plugin[] = [
  { name: 'auth-local', summary: '', config: z.strictObject({}), start },
  { name: 'dtls', summary: '', config: z.strictObject({ ciphers: z.array(z.string()).default([]), psk: z.boolean().default(true) }), start },
  {
    name: 'auth-radius', summary: '', runsByDefault: false, start,
    config: z.strictObject({
      server: z.array(z.strictObject({
        address: listenAddress(), 'secret-file': secretFile(), timeout: duration({ max: 60 }).default(5), options: z.strictObject({ retries: integer(0, 5) }).optional(),
      })).min(1),
    }),
  },
]

function outcome(toml: string): string | object {
  try {
    const { core, plugin, warnings } = checkConfig(Buffer.from(toml), join(folder, 'postern.toml'), plugins)
    const { pools, groups, hosts, ...rest } = core
    const value = {
      ...rest, pools: Object.fromEntries(pools), groups: Object.fromEntries(groups), hosts: Object.fromEntries(hosts), plugins: Object.fromEntries(plugins.map(({ name }) => [name, plugin(name)])),
      warnings: warnings.map(({ text }) => text),
    }
    return JSON.parse(JSON.stringify(value).replaceAll(`${folder}/`, '')) as object
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, '')
    throw error
  }
}

/** Only what is expected, so that a file tells one story. */
function narrowed(value: unknown, expected: unknown): unknown {
  if (typeof expected !== 'object' || expected === null || Array.isArray(expected)) return value
  return Object.fromEntries(Object.entries(expected).map(([key, inner]) => [key, narrowed((value as Record<string, unknown> | undefined)?.[key], inner)]))
}

for (const name of readdirSync(folder).filter((name) => name.endsWith('.toml'))) {
  test(`golden ${name}`, () => {
    const [toml = '', expected = ''] = readFileSync(join(folder, name), 'utf8').split(/^-{4,}\n/m)
    assert.ok(expected.trim(), 'an expectation stands below the dashes')
    const got = outcome(toml)
    if (expected.startsWith('{')) {
      const wanted: unknown = JSON.parse(expected)
      assert.type(got, 'object', JSON.stringify(got))
      assert.equal(narrowed(got, wanted), wanted)
    } else assert.is(got, expected.trimEnd())
  })
}

test.run()
