import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { testDirectory } from '../core/testing.ts'
import { DEFAULT_LIMITS, DTLS_DOWN_REASONS, STATS, TUNNEL_COUNTERS, TUNNEL_DOWN_REASONS } from '../core/dataplane.ts'
import type { OpenSpec, TunnelHandle } from '../core/dataplane.ts'
import { DataPlaneError } from '../core/errors.ts'
import { certificate, context } from '../test/native/certificates.ts'
import { insideOwnNamespace } from '../test/native/namespace.ts'
import { Recorder, until } from '../test/native/recorder.ts'
import { EVENT } from './dispatcher.ts'
import { createDataPlane } from './index.ts'

insideOwnNamespace(import.meta.url)

const source = (name: string): string => readFileSync(new URL(`src/${name}`, import.meta.url), 'utf8')
const addon = new URL('build/Release/postern.node', import.meta.url).pathname
const contexts = [context([], await certificate('vpn.example.com'))]
const lockDirectory = testDirectory()
const spec = (more: Partial<OpenSpec> = {}): OpenSpec => ({
  listen: [{ address: '127.0.0.1', port: 0 }], device: 'pta%d', addresses: ['10.213.0.1/24'], routes: [], mtu: 1400, workers: 1, lockDirectory, limits: DEFAULT_LIMITS, ...more,
})
const refusal = (call: () => unknown): DataPlaneError => {
  try {
    call()
  } catch (error) {
    if (error instanceof DataPlaneError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

test('counters, events and reasons have the same order in C++ and TypeScript', () => {
  const macro = /#define POSTERN_STATS\(X\)((?:.*\\\n)*.*)/.exec(source('stats.h'))?.[1] ?? ''
  assert.equal([...macro.matchAll(/X\((\w+)\)/g)].map(([, name]) => name), [...STATS])
  const events = [.../enum class EventType[^{]*\{([^}]*)\}/.exec(source('event.h'))?.[1]?.matchAll(/k(\w+) = (\d+)/g) ?? []]
  assert.equal(Object.fromEntries(events.map(([, name = '', value]) => [name[0]?.toLowerCase() + name.slice(1), Number(value)])), EVENT)
  const reasons = /enum class TunnelDownReason[^{]*\{([^}]*)\}/.exec(source('event.h'))?.[1] ?? ''
  const dashed = (name: string): string => name.replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
  assert.equal([...reasons.matchAll(/k(\w+)/g)].map(([, name = '']) => dashed(name)), [...TUNNEL_DOWN_REASONS])
  const dtls = /enum class DtlsDownReason[^{]*\{([^}]*)\}/.exec(source('event.h'))?.[1] ?? ''
  assert.equal([...dtls.matchAll(/k(\w+)/g)].map(([, name = '']) => dashed(name)), [...DTLS_DOWN_REASONS])
  assert.is(Number(/kTunnelCounterWords = (\d+)/.exec(source('tunnel_spec.h'))?.[1]), TUNNEL_COUNTERS.length)
})

test('the process has one OpenSSL and one zlib: those that node uses', () => {
  const dynamic = execFileSync('readelf', ['-d', addon], { encoding: 'utf8' })
  assert.not.match(dynamic, /NEEDED.*lib(ssl|crypto|z)\b/)
  const symbols = execFileSync('nm', ['-D', addon], { encoding: 'utf8' })
  for (const name of ['deflate', 'inflate']) assert.match(symbols, new RegExp(` U ${name}$`, 'm'))
  const plane = createDataPlane()
  try {
    const { openssl, aesIsFast } = plane.open(spec(), contexts, new Recorder())
    assert.type(aesIsFast, 'boolean')
    assert.ok(openssl.version.includes(process.versions.openssl.split('+')[0] ?? 'no version'), openssl.version)
    const nodeNeeds = /libssl\.so/.test(execFileSync('readelf', ['-d', realpathSync(process.execPath)], { encoding: 'utf8' }))
      || /libnode\.so/.test(execFileSync('readelf', ['-d', realpathSync(process.execPath)], { encoding: 'utf8' }))
    if (nodeNeeds) assert.match(openssl.object, /lib(ssl|node)\.so/)
    else assert.is(realpathSync(openssl.object), realpathSync(process.execPath))
  } finally {
    plane.stop()
  }
})

test('a second gateway on the address is told who holds it', () => {
  const plane = createDataPlane()
  const { listeners } = plane.open(spec(), contexts, new Recorder())
  const port = listeners[0]?.port ?? 0
  try {
    const second = execFileSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', `
      import { createDataPlane } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)}
      try {
        createDataPlane().open(${JSON.stringify(spec({ listen: [{ address: '127.0.0.1', port }] }))}, ${JSON.stringify(contexts)}, {})
      } catch (error) {
        console.log(error.errno, error.op, error.message)
      }`], { encoding: 'utf8' })
    assert.is(second.trim(), `EADDRINUSE lock 127.0.0.1:${port} is held by another postern (pid ${process.pid})`)
  } finally {
    plane.stop()
  }
})

test('what cannot be opened is named, and leaves nothing behind', async () => {
  const plane = createDataPlane()
  const stranger = createServer()
  await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done))
  const port = (stranger.address() as { port: number }).port
  const good = { address: '127.0.0.1', port: 0 }
  const open = (more: Partial<OpenSpec>) => (): unknown => plane.open(spec(more), contexts, new Recorder())
  const inUse = refusal(open({ listen: [good, { address: '127.0.0.1', port }] }))
  assert.is(inUse.errno, 'EADDRINUSE')
  assert.is(inUse.op, 'bind')
  assert.is(inUse.message, `cannot listen on 127.0.0.1:${port}: Address already in use`)
  await new Promise((done) => stranger.close(done))
  assert.is(refusal(open({ listen: [{ address: '192.0.2.77', port: 0 }] })).errno, 'EADDRNOTAVAIL')
  assert.is(refusal(open({ listen: [{ address: 'localhost', port: 0 }] })).message, 'localhost:0 is not a numeric address')
  assert.match(refusal(open({ listen: [{ address: '127.0.0.1', port: 4443 }], lockDirectory: '/proc/nowhere' })).message, /lock directory \/proc\/nowhere/)
  assert.is(refusal(() => plane.open(spec(), [], new Recorder())).errno, 'ERR_TLS_PEM')
  const { device, listeners } = plane.open(spec({ listen: [good, { address: '::1', port: 0 }] }), contexts, new Recorder())
  assert.is(listeners.length, 2)
  assert.is(listeners[1]?.address, '::1')
  assert.match(execFileSync('ip', ['link', 'show', device], { encoding: 'utf8' }), /UP/)
  assert.throws(() => plane.promote({ connection: 1 as never, tunnel: 1 as TunnelHandle, spec: { ipv4: '10.0.0', mtu: 1300, dpdSec: 0, dpdRetries: 0, keepaliveSec: 0 }, head: Buffer.alloc(0), early: Buffer.alloc(0), seen: 0 }), /not numeric/)
  plane.stop()
  assert.not.match(execFileSync('ip', ['link'], { encoding: 'utf8' }), new RegExp(device))
})

test('the threads that compute hashes yield to all others', async () => {
  const nices = (): number[] => readdirSync('/proc/self/task').map((task) => Number(/.*\) (?:\S+ ){16}(\S+)/.exec(readFileSync(`/proc/self/task/${task}/stat`, 'latin1'))?.[1])).sort((a, b) => a - b)
  const plane = createDataPlane()
  try {
    plane.open(spec(), contexts, new Recorder())
    await until(() => nices().filter((nice) => nice === 10).length === 4, 'the pool yields')
    assert.is(getPriority(process.pid), 0)
  } finally {
    plane.stop()
  }
})

test('a second environment of the process is refused', async () => {
  const plane = createDataPlane()
  plane.open(spec(), contexts, new Recorder())
  try {
    const worker = new Worker(`
      const { parentPort, workerData } = require('node:worker_threads')
      const binding = require(workerData.addon)
      let told = 'opened'
      try { binding.open(workerData.spec, workerData.contexts, () => {}) } catch (error) { told = error.errno + ' ' + error.message }
      parentPort.postMessage([told, binding.stop() === undefined])`, { eval: true, workerData: { addon, spec: spec(), contexts } })
    const told = await new Promise<unknown>((done, fail) => worker.once('message', done).once('error', fail))
    await worker.terminate()
    assert.equal(told, ['EBUSY another thread of this process owns the data plane', true])
    assert.is(plane.stats().accepted, 0n)
  } finally {
    plane.stop()
  }
})

test('an addon that is not there is named', () => {
  assert.match(refusal(() => createDataPlane('/nowhere/postern.node')).message, /^cannot load \/nowhere\/postern\.node: /)
})

test.run()
