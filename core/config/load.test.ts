import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { ConfigError, GatewayError } from '../errors.ts'
import type { Plugin } from '../plugin.ts'
import { filePath, secretFile } from './files.ts'
import { checkConfig, loadConfig, MAX_CONFIG_BYTES } from './load.ts'
import { ConfigProblems } from './problems.ts'
import type { Secret } from './secret.ts'

const folder = mkdtempSync(join(tmpdir(), 'postern-load-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

const plugin = (name: string, config: z.ZodType, more: Partial<Plugin> = {}): Plugin => ({ name, summary: '', config, start: () => undefined, ...more })
function refusal(run: () => unknown): GatewayError {
  try {
    run()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('was not refused')
}
let files = 0
const file = (text: string | Uint8Array): string => {
  const path = join(folder, `${files++}.toml`)
  writeFileSync(path, text)
  return path
}

test('without a file the built-in configuration stands', () => {
  const { core, warnings } = loadConfig(undefined, [], { defaultFile: join(folder, 'none.toml') })
  assert.equal(core.gateway.listen, [{ address: '0.0.0.0', port: 443 }, { address: '::', port: 443 }])
  assert.is(core.gateway.name, hostname().toLowerCase())
  assert.equal([...core.pools.keys()], ['default'])
  assert.equal([...core.groups.keys()], ['default'])
  assert.is(core.file, join(folder, 'none.toml'))
  assert.equal(warnings, [])
})

test('100,000 entries of a list are refused in one line, where they stand or for their size', () => {
  const list = (entry: string): string => file(`[policy]\ndeny = [${Array.from({ length: 100_000 }, () => entry).join(',')}]\n`)
  const short = list('"1.1"')
  assert.is(refusal(() => loadConfig(short, [])).message, `${short}:2:8: policy.deny: must be at most 1000 entries`)
  const long = list('"10.0.0.0/24"')
  assert.is(refusal(() => loadConfig(long, [])).message, `cannot read the configuration ${long}: is 1400018 bytes; at most ${MAX_CONFIG_BYTES} are read`)
})

test('a file that was named must be there', () => {
  const path = join(folder, 'missing.toml')
  const error = refusal(() => loadConfig(path, []))
  assert.is(error.code, 'CONFIG_FILE')
  assert.is(error.message, `cannot read the configuration ${path}: no such file`)
})

test('a default file that is there is read, and its mistakes count', () => {
  const path = file('[gateway]\nworkers = "x"\n')
  assert.is(refusal(() => loadConfig(undefined, [], { defaultFile: path })).message, `${path}:2:11: gateway.workers: must be a number, not text`)
})

test('a file that cannot be read is one clear line', () => {
  const path = file('[gateway]\n')
  chmodSync(path, 0)
  chmodSync(folder, 0o755)
  // Root may read everything; nobody may not.
  const root = process.getuid?.() === 0
  if (root) process.seteuid?.(65534)
  try {
    assert.is(refusal(() => loadConfig(path, [])).message, `cannot read the configuration ${path}: permission denied`)
  } finally {
    if (root) process.seteuid?.(0)
  }
})

test('a directory, a FIFO and a device are refused and never waited for', () => {
  assert.match(refusal(() => loadConfig(folder, [])).message, /is a directory$/)
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  assert.match(refusal(() => loadConfig(fifo, [])).message, /is not a regular file$/)
  assert.match(refusal(() => loadConfig('/dev/zero', [])).message, /is not a regular file$/)
})

test('one byte more than a megabyte is refused', () => {
  const line = '# comment\n'
  const fill = (bytes: number): string => line.repeat(Math.floor(bytes / line.length)) + '#'.repeat(bytes % line.length)
  assert.ok(loadConfig(file(fill(MAX_CONFIG_BYTES)), []))
  assert.match(refusal(() => loadConfig(file(fill(MAX_CONFIG_BYTES + 1)), [])).message, /1048577 bytes; at most 1048576 are read$/)
})

test('bytes that are not UTF-8 are refused with their place; a byte order mark is not', () => {
  const path = file(Buffer.concat([Buffer.from('[gateway]\nname = "'), Buffer.from([0xe9]), Buffer.from('"\n')]))
  assert.is(refusal(() => loadConfig(path, [])).message, `${path}:2:9: is not UTF-8 text`)
  assert.is(loadConfig(file('\ufeff[gateway]\nname = "a.example"\n'), []).core.gateway.name, 'a.example')
})

test('every problem is in the error, in the order of the file', () => {
  const path = file('[policy]\nmtu = 1\n[gatewy]\n[gateway]\nworkers = -1\n')
  const error = refusal(() => loadConfig(path, []))
  assert.instance(error, ConfigProblems)
  assert.instance(error, ConfigError)
  assert.equal((error as ConfigProblems).problems.map(({ line, column, key }) => [line, column, key]), [[2, 7, 'policy.mtu'], [3, 1, 'gatewy'], [5, 11, 'gateway.workers']])
  assert.is(error.message.split('\n').length, 3)
})

test('a thousand problems are cut to fifty', () => {
  const error = refusal(() => loadConfig(file(`[policy]\n${Array.from({ length: 1000 }, (_, index) => `k${index} = 1\n`).join('')}`), []))
  const lines = error.message.split('\n')
  assert.is(lines.length, 51)
  assert.match(lines[50] ?? '', /and 950 more$/)
})

test('more than 500 pools or groups are refused', () => {
  const groups = (count: number): string => Array.from({ length: count }, (_, index) => `[group.g${index}]\n`).join('')
  assert.is(loadConfig(file(groups(500)), []).core.groups.size, 500)
  assert.match(refusal(() => loadConfig(file(groups(501)), [])).message, /:501:1: group: more than 500 of them$/)
})

test('a plugin without a section runs with its defaults, or not at all if it says so', () => {
  const plugins = [
    plugin('firewall', z.strictObject({ masquerade: z.boolean().default(true) })), plugin('reflector', z.strictObject({ idp: z.string() }), { runsByDefault: false }),
  ]
  const loaded = loadConfig(file(''), plugins)
  assert.equal(loaded.plugin('firewall'), { state: 'on', value: { masquerade: true } })
  assert.equal(loaded.plugin('reflector'), { state: 'off', reason: 'no [reflector] section', value: undefined })
  assert.throws(() => loaded.plugin('unheard-of'), /was given/)
  const path = file('[firewall]\nenabled = false\n')
  assert.equal(loadConfig(path, plugins).plugin('firewall'), { state: 'off', reason: 'switched off with enabled = false', value: undefined })
})

test('a plugin that needs a key says so even without a section', () => {
  const path = file('[gateway]\n')
  assert.is(refusal(() => loadConfig(path, [plugin('fleet', z.strictObject({ url: z.string() }))])).message, `${path}:1:1: fleet.url: is missing`)
})

test('paths start at the folder of the file; a secret that everybody may read is a warning', () => {
  mkdirSync(join(folder, 'sub'))
  const path = join(folder, 'sub', 'postern.toml')
  writeFileSync(path, '[radius]\nca = "ca.pem"\nsecret-file = "../radius.secret"\n')
  const secret = join(folder, 'radius.secret')
  writeFileSync(secret, 'testing123\r\n', { mode: 0o644 })
  const plugins = [plugin('radius', z.strictObject({ ca: filePath(), 'secret-file': secretFile() }))]
  const loaded = loadConfig(path, plugins)
  const value = loaded.plugin('radius').value as { ca: string; 'secret-file': Secret }
  assert.is(value.ca, join(folder, 'sub', 'ca.pem'))
  assert.is(value['secret-file'].reveal(), 'testing123')
  assert.not.match(JSON.stringify(loaded.plugin('radius')), /testing123/)
  assert.equal(loaded.warnings.map(({ text }) => text), [`${secret} can be read by everybody: chmod 600 it`])
  chmodSync(secret, 0o600)
  assert.equal(loadConfig(path, plugins).warnings, [])
})

test('an empty and a huge secret are refused', () => {
  const plugins = [plugin('radius', z.strictObject({ 'secret-file': secretFile() }))]
  for (const [text, reason] of [['\n', /is empty$/], ['x'.repeat(65_537), /at most 65536 are read$/]] as const) {
    const secret = file(text)
    assert.match(refusal(() => loadConfig(file(`[radius]\nsecret-file = ${JSON.stringify(secret)}\n`), plugins)).message, reason)
  }
})

test('groups stand in the order of the file and the first is the default', () => {
  const { core } = loadConfig(file('[group.zebra]\n[group.alpha.policy]\nmtu = 1300\n[group.middle]\nlabel = "M"\n'), [])
  assert.equal([...core.groups.keys()], ['zebra', 'alpha', 'middle'])
  assert.equal(core.groups.get('alpha')?.policy, { mtu: 1300 })
  assert.is(core.groups.get('middle')?.label, 'M')
})

test('a default group needs its back-end on', () => {
  const local = plugin('auth-local', z.strictObject({}))
  assert.match(refusal(() => checkConfig(Buffer.from('[auth-local]\nenabled = false\n'), '/x.toml', [local])).message, /^\/x\.toml:1:1: group\.default\.auth\[0\]\[0\]: back-end "local" is off/)
})

test('what a refusal quotes can neither start a line nor steer a terminal', () => {
  for (const character of ['\\n', '\\r', '\\u001b', '\\u007f', '\\u009b', '\\u2028', '\\u202e', '\\u200b']) {
    const text = `"k${character}" = 1\n["s${character}"]\n[gateway]\nname = "${character}"\ncertificate = "a${character}b"\n"x${character}" = 1\n[pool."p${character}"]\n[policy]\ndpd = "${character}"\nrekey-method = "${character}"\n`
    const error = refusal(() => checkConfig(Buffer.from(text), '/x.toml', []))
    assert.not.match(error.message.replaceAll('\n/x.toml:', ''), /[\p{C}\u2028]/u, character)
    assert.is(error.message.split('\n').length, 8, error.message)
  }
})

test('hostile keys and depths end as a refusal', () => {
  for (const text of ['[__proto__]\nx = 1', 'constructor = 1', '[policy.__proto__]', '[pool.constructor]', '[pool.toString]\nipv4="10.0.0.0/8"\n[group.hasOwnProperty]\nauth=[["toString"]]', `a = ${'['.repeat(100_000)}`, `${'a.'.repeat(10_000)}b = 1`]) {
    try {
      checkConfig(Buffer.from(text), '/x.toml', [plugin('auth-local', z.strictObject({}))])
    } catch (error) {
      assert.instance(error, ConfigError, text.slice(0, 40))
    }
  }
  assert.is(({} as Record<string, unknown>)['x'], undefined)
})

test.run()
