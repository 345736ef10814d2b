// test: limit=180
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from './testing.ts'

const here = import.meta.dirname
/** `serve` with a data plane in memory; `body` makes the list of plugins or breaks something. */
const script = (config: string, data: string, body: string): string => `
  const { serve } = await import(${JSON.stringify(join(here, 'serve.ts'))})
  const { FakeDataPlane } = await import(${JSON.stringify(join(here, '../native/fake.ts'))})
  const { DataPlaneError } = await import(${JSON.stringify(join(here, 'errors.ts'))})
  const { z } = await import('zod')
  const plugin = (name, start) => ({ name, summary: name, config: z.unknown().transform(() => ({})), start })
  let plugins = []
  let createDataPlane = () => new FakeDataPlane()
  ${body}
  process.exitCode = await serve({ config: ${JSON.stringify(config)}, dataDir: ${JSON.stringify(data)} }, { plugins, createDataPlane })`

interface Running {
  readonly child: ChildProcess
  lines(): { msg: string; level: string; [field: string]: unknown }[]
  stderr(): string
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  until(message: string): Promise<void>
}
const running: Running[] = []
const setUp = (toml = '') => {
  const directory = testDirectory()
  const config = join(directory, 'postern.toml')
  writeFileSync(config, `[gateway]\nlisten = ["127.0.0.1:14443"]\n${toml}`)
  const data = join(directory, 'data')
  return { directory, config, data, start: (body = '') => start(script(config, data, body)) }
}
function start(source: string): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'], cwd: join(here, '..') })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  const one: Running = {
    child, ended,
    lines: () => output.split('\n').filter(Boolean).map((line) => JSON.parse(line) as { msg: string; level: string }),
    stderr: () => errors,
    async until(message) {
      let over = false
      void ended.then(() => (over = true))
      while (!one.lines().some(({ msg }) => msg === message)) {
        if (over) throw new Error(`ended without "${message}": ${errors}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
  running.push(one)
  return one
}
test.after.each(() => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL')
})

test('serve says when it is ready, and SIGTERM ends it in order with exit code 0', async () => {
  const { start, data } = setUp()
  const gateway = start(`plugins = [plugin('mine', (context) => context.onStop(() => console.log('{"msg":"plugin stopped","level":"info"}')))]`)
  await gateway.until('gateway ready')
  const ready = gateway.lines().find(({ msg }) => msg === 'gateway ready')
  assert.equal(ready?.['listeners'], [{ address: '127.0.0.1', port: 14443 }])
  assert.match(String(ready?.['certificate']), /^pin-sha256:/)
  gateway.child.kill('SIGTERM')
  assert.equal(await gateway.ended, { code: 0, signal: null })
  const said = gateway.lines().map(({ msg }) => msg)
  assert.ok(said.indexOf('plugin stopped') > said.indexOf('stopping') && said.indexOf('gateway stopped') > said.indexOf('plugin stopped'))
  assert.ok(existsSync(join(data, 'postern.db')))
  assert.is(gateway.stderr(), '')
})

test('a second gateway on one data directory is refused with one line; a killed one leaves no lock', async () => {
  const { start, data } = setUp()
  const first = start()
  await first.until('gateway ready')
  const second = start()
  assert.equal(await second.ended, { code: 1, signal: null })
  assert.is(second.stderr(), `postern: another postern process runs already on ${data}\n`)
  first.child.kill('SIGKILL')
  await first.ended
  const third = start()
  await third.until('gateway ready')
})

test('what prevents a start is one line on standard error, exit code 1, and what ran is stopped', async () => {
  const cases: [string, string, RegExp][] = [
    [`createDataPlane = () => { const plane = new FakeDataPlane(); plane.open = () => { throw new DataPlaneError('EPERM', 'tun', 'cannot make the TUN device: EPERM') }; return plane }`, '', /^postern: cannot make the TUN device: EPERM \(run it as root, or with CAP_NET_ADMIN and CAP_NET_BIND_SERVICE\)\n$/],
    [`plugins = [plugin('bad', () => { throw new Error('no luck') })]`, '', /^postern: bad: no luck\n$/],
    ['', 'listne = []\n', /^postern: .*postern\.toml:3:1: unknown key "listne" in \[gateway\]; did you mean "listen"\?\n$/],
    ['', 'certificate = "none.pem"\nkey = "none.key"\n', /^postern: [^\n]*none\.pem[^\n]*\n$/],
  ]
  for (const [body, toml, message] of cases) {
    const { start } = setUp(toml)
    const gateway = start(`plugins = [plugin('first', (context) => context.onStop(() => console.log('{"msg":"first stopped"}')))]; ${body.replace('plugins = [', 'plugins = [...plugins, ')}`)
    assert.equal(await gateway.ended, { code: 1, signal: null })
    assert.match(gateway.stderr(), message)
    assert.is(gateway.lines().some(({ msg }) => msg === 'first stopped'), toml === '')
  }
})

test('a data directory that cannot be made is one line', async () => {
  const { start, data } = setUp()
  writeFileSync(data, 'in the way')
  const gateway = start()
  assert.is((await gateway.ended).code, 1)
  assert.match(gateway.stderr(), /^postern: the data directory \S+ cannot be made: [^\n]*\n$/)
})

test('SIGHUP takes over new certificates; a refused configuration changes nothing', async () => {
  const { start, config, directory } = setUp()
  const gateway = start()
  await gateway.until('gateway ready')
  const good = readFileSync(config, 'utf8')
  writeFileSync(config, `${good}nonsense = 1\n`)
  gateway.child.kill('SIGHUP')
  await gateway.until('configuration refused, the old one stays')
  writeFileSync(config, `${good}workers = 3\n`)
  mkdirSync(join(directory, 'x'))
  gateway.child.kill('SIGHUP')
  await gateway.until('configuration reloaded')
  await gateway.until('a restart is needed for gateway.workers')
  gateway.child.kill('SIGINT')
  assert.is((await gateway.ended).code, 0)
})

test('an error nobody expected is logged with an id, the stop is in order, the exit code 1', async () => {
  const { start } = setUp()
  const gateway = start(`plugins = [plugin('bad', (context) => { setTimeout(() => { throw new Error('boom') }, 500); context.onStop(() => console.log('{"msg":"plugin stopped"}')) })]`)
  assert.equal(await gateway.ended, { code: 1, signal: null })
  const fault = gateway.lines().find(({ level }) => level === 'error')
  assert.match(String(fault?.['errorId']), /^[0-9a-f]{8}$/)
  assert.is((fault?.['error'] as { message: string }).message, 'boom')
  assert.ok(gateway.lines().some(({ msg }) => msg === 'plugin stopped'))
})

test('a second signal does not wait for a stop that hangs', async () => {
  const { start } = setUp()
  const gateway = start(`plugins = [plugin('hanging', (context) => context.onStop(() => { console.log('{"msg":"hanging"}'); return new Promise(() => {}) }))]`)
  await gateway.until('gateway ready')
  gateway.child.kill('SIGTERM')
  await gateway.until('hanging')
  gateway.child.kill('SIGTERM')
  assert.equal(await gateway.ended, { code: 130, signal: null })
})

test('a stop that hangs ends after five seconds all the same', async () => {
  const { start } = setUp()
  const gateway = start(`plugins = [plugin('a', (context) => context.onStop(() => new Promise(() => {}))), plugin('b', (context) => context.onStop(() => new Promise(() => {})))]`)
  await gateway.until('gateway ready')
  gateway.child.kill('SIGTERM')
  assert.is((await gateway.ended).code, 1)
  assert.ok(gateway.lines().some(({ msg }) => msg === 'stop took too long' || msg === 'plugin did not stop cleanly'))
})

test.run()
