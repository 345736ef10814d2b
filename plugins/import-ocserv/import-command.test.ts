import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, type CommandInput } from '../../core/api.ts'
import { runOffline } from '../../core/offline.ts'
import { lockStore } from '../../core/store/store-lock.ts'
import { testDirectory } from '../../core/testing.ts'
import { plugins } from '../index.ts'
import { parseConf, CONF_LIMIT, ENTRY_LIMIT } from './conf-text.ts'
import { golden } from './testing.ts'

const HASH = /bob:\*:(.*)/.exec(golden('minimal', 'ocpasswd'))?.[1] ?? ''
const MINIMAL = 'auth = "plain[passwd=ocpasswd]"\ntcp-port = 443\nipv4-network = 10.1.0.0/16\n'

/** A folder with the files, and the command on it. */
function fixture(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = testDirectory()
  const write = (more: typeof files): void => {
    for (const [name, content] of Object.entries(more)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
  }
  write(files)
  const dataDir = join(folder, 'data')
  const run = (path: string, args: CommandInput['args'], options: CommandInput['options']) => runOffline({ dataDir, config: path === 'import ocserv' ? undefined : join(folder, 'out/postern.toml') }, path, { args, options, actor: 'cli' }, plugins)
  return {
    folder, dataDir, write,
    out: join(folder, 'out'),
    import: (options: CommandInput['options'] = {}) => run('import ocserv', { file: join(folder, 'ocserv.conf') }, { base: folder, ...options }),
    users: async () => (await run('user list', {}, {})).data as { name: string; groups: string[]; locked: boolean }[],
  }
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof GatewayError) return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

test('F08 one command writes the configuration, the report and the users', async () => {
  const { folder, out, import: run, users } = fixture({ 'ocserv.conf': MINIMAL, ocpasswd: `bob:staff:${HASH}\neve:*:!${HASH}\n` })
  const { text } = await run({ write: out })
  assert.match(text ?? '', /2 users added, 0 replaced, 0 kept/)
  assert.equal(readdirSync(out).sort(), ['postern.toml', 'report.txt'])
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('.')), [], 'nothing is left beside it')
  for (const name of ['postern.toml', 'report.txt']) assert.is(statSync(join(out, name)).mode & 0o777, 0o600)
  assert.equal((await users()).map(({ name, groups, locked }) => ({ name, groups, locked })), [{ name: 'bob', groups: ['staff'], locked: false }, { name: 'eve', groups: [], locked: true }])
  assert.not.match((text ?? '') + readFileSync(join(out, 'report.txt'), 'utf8') + readFileSync(join(out, 'postern.toml'), 'utf8'), /\$5\$/)
})

test('F08 a second import keeps what is there, and --replace replaces it', async () => {
  const { out, import: run, write, users, folder } = fixture({ 'ocserv.conf': MINIMAL, ocpasswd: `bob:*:${HASH}\n` })
  await run({ write: out })
  const before = readFileSync(join(out, 'postern.toml'), 'utf8')
  write({ 'ocserv.conf': `${MINIMAL}dpd = 60\n`, ocpasswd: `bob:staff:${HASH}\ncarol:*:${HASH}\n` })
  assert.match(await refusal(run({ write: out })), /postern\.toml exists already; --replace replaces it/)
  assert.is(readFileSync(join(out, 'postern.toml'), 'utf8'), before)
  assert.equal((await users()).map(({ name }) => name), ['bob'])
  assert.match((await run({ write: join(folder, 'other') })).text ?? '', /1 users added, 0 replaced, 1 kept/)
  assert.match((await run({ write: out, replace: true })).text ?? '', /0 users added, 2 replaced, 0 kept/)
  assert.match(readFileSync(join(out, 'postern.toml'), 'utf8'), /dpd = "1m"/)
  assert.equal((await users()).map(({ name, groups }) => `${name} ${groups.join(' ')}`), ['bob staff', 'carol '])
})

test('without --write nothing is written and no store is opened', async () => {
  const { folder, dataDir, import: run } = fixture({ 'ocserv.conf': MINIMAL, ocpasswd: `bob:*:${HASH}\n` })
  const { data, text } = await run()
  assert.match((data as { config: string }).config, /\[pool\.default\]\nipv4 = "10\.1\.0\.0\/16"/)
  assert.match(text ?? '', /nothing was written/)
  assert.equal(readdirSync(folder).sort(), ['ocpasswd', 'ocserv.conf'])
  assert.not.ok(existsSync(dataDir))
})

test('a gateway that runs on the data directory keeps everything as it is', async () => {
  const { folder, dataDir, out, import: run } = fixture({ 'ocserv.conf': MINIMAL, ocpasswd: `bob:*:${HASH}\n` })
  mkdirSync(dataDir, { mode: 0o700 })
  const lock = lockStore(dataDir, 0)
  assert.match(await refusal(run({ write: out })), /a gateway runs on .*: stop it for the import/)
  lock?.release()
  assert.not.ok(existsSync(out))
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('.')), [])
})

test('F08 broken, huge, binary and hostile files are one clear line each, and nothing is written', async () => {
  const cases: [files: Readonly<Record<string, string | Uint8Array>>, message: RegExp][] = [
    [{}, /ocserv\.conf: no such file$/],
    [{ 'ocserv.conf': `${MINIMAL}no equals sign\n` }, /ocserv\.conf:4: a line without "=": ocserv does not read it either$/],
    [{ 'ocserv.conf': `${MINIMAL}[vhost:x\n` }, /ocserv\.conf:4: a section without "]"$/],
    [{ 'ocserv.conf': Buffer.alloc(10 * 1024 * 1024, 'dns = 10.0.0.1\n') }, /ocserv\.conf: is 10485760 bytes; at most 1048576 are read$/],
    [{ 'ocserv.conf': 'x=1\n'.repeat(ENTRY_LIMIT + 1) }, /ocserv\.conf:20001: more than 20000 settings$/],
    [{ 'ocserv.conf': readFileSync(process.execPath).subarray(0, 100_000) }, /ocserv\.conf:\d+(:\d+: is not UTF-8 text|: holds control characters: it is no configuration)$/],
    [{ 'ocserv.conf': `${MINIMAL}banner = a\0b\n` }, /ocserv\.conf:4: holds control characters: it is no configuration$/],
    [{ 'ocserv.conf': MINIMAL, ocpasswd: 'bob\n' }, /ocpasswd:1: is not user:groups:hash$/],
    [{ 'ocserv.conf': MINIMAL, ocpasswd: `bob:*:${HASH}\nev\0e:*:${HASH}\n` }, /ocpasswd:2: is not user:groups:hash$/],
    [{ 'ocserv.conf': MINIMAL, ocpasswd: Buffer.from([0xff, 0xfe, 0x3a]) }, /ocpasswd:1:1: is not UTF-8 text$/],
    [{ 'ocserv.conf': MINIMAL, ocpasswd: Buffer.alloc(17 * 1024 * 1024, 'a:*:x\n') }, /ocpasswd: is 17825792 bytes; at most 16777216 are read$/],
    [{ 'ocserv.conf': `${MINIMAL}config-per-user = users\n`, ocpasswd: '' }, /users: cannot be listed: ENOENT$/],
    [{ 'ocserv.conf': `${MINIMAL}config-per-group = users\n`, ocpasswd: '', 'users/bob/x': '' }, /users\/bob: is not a regular file$/],
    [{ 'ocserv.conf': `${MINIMAL}config-per-group = users\n`, ocpasswd: '', 'users/bob': 'route 10.0.0.0/8' }, /users\/bob:1: a line without "=": ocserv does not read it either$/],
  ]
  for (const [files, message] of cases) {
    const { out, dataDir, import: run } = fixture(files)
    const text = await refusal(run({ write: out }))
    assert.match(text, message)
    assert.not.match(text, /\n|\$5\$/)
    assert.not.ok(existsSync(out) || existsSync(dataDir), text)
  }
})

test('F08 a symbolic link among the files of users is refused', async () => {
  const { folder, out, import: run } = fixture({ 'ocserv.conf': `${MINIMAL}config-per-user = users\n`, ocpasswd: '', 'users/alice': 'dpd = 30\n' })
  symlinkSync('/etc/passwd', join(folder, 'users/bob'))
  assert.match(await refusal(run({ write: out })), /users\/bob: is not a regular file$/)
  assert.not.ok(existsSync(out))
})

test('F08 values of users go into the store, and what two of them cannot have alike is told', async () => {
  const { folder, out, dataDir, import: run } = fixture({
    'ocserv.conf': `${MINIMAL}config-per-user = users\n`, ocpasswd: `alice:*:${HASH}\nbob:*:${HASH}\n`,
    'users/alice': 'explicit-ipv4 = 10.1.0.77\nroute = 10.9.0.0/16\niroute = 192.168.7.0/24\n', 'users/bob': 'explicit-ipv4 = 10.1.0.77\niroute = 10.1.7.0/24\ndpd = 45\n',
  })
  await run({ write: out })
  const explain = async (name: string) => Object.fromEntries(((await runOffline({ dataDir, config: join(folder, 'out/postern.toml') }, 'explain user', { args: { name }, options: {}, actor: 'cli' }, plugins)).data as { key: string; value: unknown; origin: string }[]).filter(({ origin }) => origin.startsWith('user')).map(({ key, value }) => [key, value]))
  assert.equal(Object.keys(await explain('alice')).sort(), ['ipv4-address', 'iroute', 'split-include'])
  assert.equal(Object.keys(await explain('bob')), ['dpd'])
  assert.match(readFileSync(join(out, 'report.txt'), 'utf8'), /user bob: is left out: 10\.1\.0\.77 belongs to alice/)
  assert.match(readFileSync(join(out, 'report.txt'), 'utf8'), /user bob: is left out: .*overlaps pool "default"/)
})

test('names that would step out of a folder are never looked up', async () => {
  const { out, import: run, users } = fixture({ 'ocserv.conf': `${MINIMAL}config-per-user = users\nconfig-per-group = users\n`, ocpasswd: `../ocserv:*:${HASH}\nbob:../escape,/etc:${HASH}\n`, 'users/x': '' })
  const { data } = await run({ write: out })
  const refused = (data as { findings: { severity: string; text: string }[] }).findings.filter(({ severity }) => severity === 'refused').map(({ text }) => text)
  assert.ok(refused.some((text) => text.startsWith('"../ocserv" is not imported')), refused.join('\n'))
  assert.ok(refused.some((text) => text.startsWith('"../escape" cannot be the name of a group')))
  assert.equal(await users().then((list) => list.map(({ name, groups }) => ({ name, groups }))), [{ name: 'bob', groups: [] }])
})

test('an unknown version, and a folder that cannot be made, are said', async () => {
  const { folder, import: run } = fixture({ 'ocserv.conf': MINIMAL, ocpasswd: '' })
  assert.match(await refusal(run({ 'from-version': '0.9' })), /--from-version: there are 1\.1, /)
  assert.match(await refusal(run({ write: join(folder, 'ocserv.conf', 'out') })), /cannot write .*: E(?:NOTDIR|EXIST)/)
})

test('ten thousand users and a file at the limit are read in one go', () => {
  const text = parseConf(Buffer.from('dns = 10.0.0.1\n'.repeat(ENTRY_LIMIT)), 'x')
  assert.is(text.sections[0]?.entries.length, ENTRY_LIMIT)
  assert.ok(Buffer.byteLength('dns = 10.0.0.1\n'.repeat(ENTRY_LIMIT)) < CONF_LIMIT)
})

test.run()
