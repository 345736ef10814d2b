// test: limit=180
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { testDirectory } from '../../core/testing.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { pause, until } from './recorder.ts'
import { TlsClient } from './tls_client.ts'

insideOwnNamespace(import.meta.url)

const REPEATS = 5
const CLIENTS = 8
const directory = testDirectory()
const contexts = JSON.stringify([context([], await certificate('vpn.example.com'))])
const only = process.argv[3] // a mode
const addon = process.argv[2] ?? realpathSync(new URL('../../native/build/Release/postern.node', import.meta.url))
const program = join(directory, 'child.mjs')
await build({ entryPoints: [new URL('exit_child.ts', import.meta.url).pathname], outfile: program, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly logins: number
  readonly errors: string
}

/** Clients that log in one after the other until the gateway is gone. */
async function traffic(port: number, alive: () => boolean): Promise<number> {
  let logins = 0
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (alive()) {
      try {
        const client = await TlsClient.connect(port)
        client.write('POST / HTTP/1.1\r\n\r\n')
        for (let i = 0; i < 50 && alive() && client.received().length === 0; i++) await pause(2)
        if (client.received().length > 0) logins++
        client.destroy()
      } catch {
        await pause(5) // refused or reset: the gateway is on its way out
      }
    }
  }))
  return logins
}

async function start(mode: string, port = 0): Promise<{ child: ChildProcess; port: number; errors: () => string }> {
  const child = spawn(process.execPath, [program, mode, String(port), directory, addon, contexts], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stderr?.on('data', (chunk) => (errors += chunk))
  child.stdout?.on('data', (chunk) => (output += chunk))
  while (!output.includes('\n') && child.exitCode === null) await pause(3)
  return { child, port: Number(output.split('\n')[0]), errors: () => errors }
}

async function endUnderTraffic(mode: string, act: (child: ChildProcess) => void): Promise<Ended> {
  const { child, port, errors } = await start(mode)
  const gone = once(child, 'exit') as Promise<[number | null, string | null]>
  let alive = true
  const logins = traffic(port, () => alive)
  await pause(150)
  act(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  const [code, signal] = await gone
  clearTimeout(timer)
  alive = false
  return { code, signal, logins: await logins, errors: errors() }
}
const go = (child: ChildProcess): void => void child.stdin?.write('go\n')

const rows: readonly (readonly [what: string, mode: string, act: (child: ChildProcess) => void, code: number | null, signal: string | null])[] = [
  ['process.exit', 'exit', go, 7, null],
  ['process.exit inside a batch', 'batch-exit', () => undefined, 7, null],
  ['exit() past all listeners of JavaScript', 'really-exit', go, 7, null],
  ['an uncaught exception', 'throw', go, 1, null],
  ['an exception in a handler that nobody catches', 'handler-throw', () => undefined, 1, null],
  ['a handler of SIGTERM', 'signal', (child) => void child.kill('SIGTERM'), 0, null],
  ['SIGTERM without a handler', 'none', (child) => void child.kill('SIGTERM'), null, 'SIGTERM'],
  ['stop, twice, and the natural end', 'stop', go, 0, null],
  ['the owning worker is terminated', 'worker-terminate', go, 0, null],
  ['the owning worker is terminated and the main thread opens again', 'worker-reopen', go, 0, null],
  ['process.exit in the owning worker', 'worker-exit', go, 0, null],
  ['a second environment was refused', 'worker-second', go, 0, null],
]
for (const [what, mode, act, code, signal] of rows) {
  if (only !== undefined && only !== mode) continue
  test(`exit under traffic: ${what}`, async () => {
    let logins = 0
    for (let i = 0; i < REPEATS; i++) {
      const ended = await endUnderTraffic(mode, act)
      assert.equal([ended.code, ended.signal], [code, signal], `run ${i + 1}: ${ended.errors}`)
      logins += ended.logins
    }
    assert.ok(logins > 0, 'there must have been traffic')
    assert.not.match(execFileSync('ip', ['link'], { encoding: 'utf8' }), /pte\d/, 'the TUN device is gone')
  })
}

for (const mode of ['really-exit', 'exit', 'throw', 'stop']) {
  test(`exit: the threads are stopped in order, so that an idle client hears close_notify (${mode})`, async () => {
    const { child, port } = await start(mode)
    const client = await TlsClient.connect(port)
    await pause(50)
    const before = client.tcp.bytesRead
    go(child)
    await once(child, 'exit')
    await until(() => client.ended, 'the end')
    assert.ok(client.tcp.bytesRead > before, 'a bare FIN: nobody stopped the front')
    client.destroy()
  })
}

test('SIGKILL under traffic, and the next gateway takes the port at once', async () => {
  const { child, port } = await start('none')
  let alive = true
  const logins = traffic(port, () => alive)
  await pause(150)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const second = await start('stop', port)
  assert.is(second.port, port, second.errors())
  await pause(100)
  go(second.child)
  const [code] = await once(second.child, 'exit') as [number]
  alive = false
  assert.is(code, 0)
  assert.ok(await logins > 0)
})

test.run()
