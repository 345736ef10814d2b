// test: limit=120
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { testDirectory } from '../../core/testing.ts'
import type { ConnectionHandle, ConnectionLimits, DataPlane, StatName } from '../../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../../core/dataplane.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { pause, Recorder, until } from './recorder.ts'
import { TlsClient } from './tls_client.ts'

insideOwnNamespace(import.meta.url)

const contexts = [context([], await certificate('vpn.example.com'))]
const lockDirectory = testDirectory()

interface Rig {
  readonly plane: DataPlane
  readonly port: number
  readonly seen: Recorder
  stat(name: StatName): number
  /** A client that behaves gets its answer. */
  serves(): Promise<void>
}
const hostile = (what: string, limits: Partial<ConnectionLimits>, run: (rig: Rig) => Promise<void>): void => test(what, async () => {
  const plane = createDataPlane(process.argv[2])
  const seen = new Recorder()
  seen.grant = (handle, seq) => plane.grant(handle, seq)
  const { listeners } = plane.open({
    listen: [{ address: '127.0.0.1', port: 0 }, { address: '::1', port: 0 }], device: 'pth%d', addresses: ['10.218.0.1/24'], routes: [], mtu: 1400, workers: 1, lockDirectory,
    limits: { ...DEFAULT_LIMITS, ...limits },
  }, contexts, seen)
  const port = listeners[0]?.port ?? 0
  try {
    await run({
      plane, port, seen,
      stat: (name) => Number(plane.stats()[name]),
      serves: async () => {
        // Others may still be told of.
        const before = new Set(seen.connections.keys())
        const client = await TlsClient.connect(port, { from: '127.0.0.9' })
        const own = (): ConnectionHandle | undefined =>
          [...seen.connections.values()].find(({ info }) => info.peer.address === '127.0.0.9' && !before.has(info.handle))?.info.handle
        await until(() => own() !== undefined, 'the connection')
        const handle = own() as ConnectionHandle
        client.write('ping')
        await until(() => seen.bytes(handle).toString() === 'ping', 'the request')
        plane.write(handle, Buffer.from('pong'), false)
        await until(() => client.received().toString() === 'pong', 'the answer')
        client.destroy()
        await until(() => seen.seen(handle).closed !== 'no' || seen.seen(handle).ends > 0, 'the end')
        plane.destroy(handle, false)
      },
    })
  } finally {
    plane.stop()
  }
})

interface Raw {
  readonly socket: Socket
  closed: boolean
}
async function raw(port: number, from = '127.0.0.1', host = '127.0.0.1'): Promise<Raw> {
  const socket = connect({ port, host, ...(host === '127.0.0.1' ? { localAddress: from } : {}) })
  const made: Raw = { socket, closed: false }
  socket.on('error', () => undefined)
  socket.on('close', () => (made.closed = true))
  socket.resume()
  await new Promise<void>((done) => socket.once('connect', done).once('close', () => done()))
  return made
}

hostile('G27 random bytes instead of a handshake end that connection, counted', {}, async ({ port, stat, seen, serves }) => {
  for (let i = 0; i < 40; i++) {
    const { socket } = await raw(port)
    socket.write(randomBytes(1 + (i * 97) % 5000))
    socket.end()
    // One source may have 16 open handshakes.
    if (i % 10 === 9) await until(() => stat('handshakeFailures') === i + 1, `${i + 1} failures`)
  }
  const halves: Raw[] = []
  for (let i = 0; i < 10; i++) {
    const half = await raw(port)
    // A record header of a ClientHello, then noise inside.
    half.socket.write(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]), randomBytes(194)]))
    halves.push(half)
  }
  await until(() => halves.every(({ closed }) => closed), 'closed by the gateway')
  assert.is(stat('handshakeFailures'), 50)
  assert.is(seen.connections.size, 0, 'nothing of it reached JavaScript')
  await serves()
  assert.is(stat('handshakesOpen'), 0)
})

hostile('G27 half-open handshakes end by the clock', { handshakeTimeoutMs: 400 }, async ({ port, stat, serves }) => {
  const silent = await Promise.all(Array.from({ length: 10 }, () => raw(port)))
  await until(() => stat('handshakesOpen') === 10, 'ten open handshakes')
  await serves()
  await pause(100)
  assert.ok(silent.every(({ closed }) => !closed), 'not before the time')
  await until(() => silent.every(({ closed }) => closed), 'closed by the gateway', 3000)
  assert.is(stat('handshakeTimeouts'), 10)
  await until(() => stat('connectionsOpen') === 0, 'no connection is left')
})

hostile('G27 one byte at a time does not stretch the handshake beyond its time', { handshakeTimeoutMs: 600 }, async ({ port, stat, serves }) => {
  const slow = await raw(port)
  const hello = Buffer.concat([Buffer.from([0x16, 3, 1, 0x02, 0, 1, 0, 0x01, 0xfc, 3, 3]), Buffer.alloc(600)])
  for (let at = 0; !slow.closed && at < 40; at++) {
    slow.socket.write(hello.subarray(at, at + 1))
    await pause(50)
  }
  assert.ok(slow.closed, 'closed while it was still sending')
  assert.is(stat('handshakeTimeouts'), 1)
  await serves()
})

hostile('G27 the bound on open handshakes leaves the rest in the queue, and lingering ones make room', { handshakes: 4 }, async ({ port, stat, serves }) => {
  const silent = await Promise.all(Array.from({ length: 12 }, (_, index) => raw(port, `127.0.0.${20 + index}`)))
  await until(() => stat('handshakesOpen') >= 4, 'the bound')
  await pause(100)
  // Fronts share the queue; on a machine with more cores there are more of them.
  assert.ok(stat('handshakesOpen') <= 16 && stat('handshakesOpen') % 4 === 0, String(stat('handshakesOpen')))
  await serves() // after at most 2 s for each full round ahead of it
  assert.ok(stat('handshakeTimeouts') >= 4)
  for (const { socket } of silent) socket.destroy()
})

hostile('G27 silent handshakes of one address take no more than half of the bound: nobody waits behind them', {}, async ({ port, stat, serves }) => {
  const silent = await Promise.all(Array.from({ length: 60 }, () => raw(port)))
  await until(() => stat('connectionsWaiting') === 44, 'those beyond its share wait')
  assert.is(stat('handshakesOpen'), 16)
  await serves()
  assert.is(stat('handshakeTimeouts'), 0, 'served before any of them made room')
  assert.is(stat('refusedPerAddress'), 0)
  for (const { socket } of silent) socket.destroy()
  await until(() => stat('connectionsOpen') === 0 && stat('connectionsWaiting') === 0, 'all gone')
  const own = await Promise.all(Array.from({ length: 16 }, () => TlsClient.connect(port)))
  await until(() => stat('handshakesOpen') === 0, 'what is over is not counted')
  own.push(await TlsClient.connect(port))
  for (const client of own) client.destroy()
})

hostile('G27 an office behind one address waits and is served: a hundred at once, beside silent ones of its own', {}, async ({ plane, port, seen, stat }) => {
  const silent = await Promise.all(Array.from({ length: 12 }, () => raw(port)))
  seen.onConnection = ({ handle }) => plane.destroy(handle, false)
  const clients = await Promise.all(Array.from({ length: 100 }, () => TlsClient.connect(port)))
  await until(() => seen.connections.size === 100, 'all of them')
  assert.is(stat('refusedPerAddress'), 0)
  for (const { socket } of silent) socket.destroy()
  for (const client of clients) client.destroy()
  await until(() => stat('connectionsOpen') === 0 && stat('connectionsWaiting') === 0, 'all gone')
})

hostile('G27 who waits behind silent ones of the own address is refused by the clock', { handshakeTimeoutMs: 400, connectionsPerAddress: 2 }, async ({ plane, port, seen, stat, serves }) => {
  const held = [await TlsClient.connect(port), await TlsClient.connect(port)]
  const late = await raw(port)
  await until(() => stat('connectionsWaiting') === 1, 'it waits')
  await serves()
  await until(() => late.closed, 'refused', 3000)
  assert.is(stat('refusedPerAddress'), 1)
  assert.is(stat('connectionsWaiting'), 0)
  for (const client of held) client.destroy()
  for (const { info } of seen.connections.values()) plane.destroy(info.handle, false)
})

hostile('G27 one address has its share, those beyond wait as far as there is place, and others are served', { connections: 12, connectionsPerAddress: 5 }, async ({ port, stat, serves }) => {
  const all = await Promise.all(Array.from({ length: 14 }, () => raw(port)))
  // On a machine with more cores there are more fronts, each with a room of its own.
  await until(() => stat('connectionsWaiting') + stat('refusedPerAddress') === 9, 'nine beyond the share')
  assert.ok(stat('connectionsWaiting') >= 6)
  await until(() => all.filter(({ closed }) => closed).length === stat('refusedPerAddress'), 'the refused are closed')
  assert.is(stat('connectionsOpen'), 5)
  await serves()
  for (const { socket } of all) socket.destroy()
  await until(() => stat('connectionsOpen') === 0 && stat('connectionsWaiting') === 0, 'all gone')
  const again = await Promise.all(Array.from({ length: 5 }, () => raw(port)))
  await pause(100)
  assert.ok(again.every(({ closed }) => !closed), 'the share is free again')
  for (const { socket } of again) socket.destroy()
})

hostile('G27 all addresses together have a bound', { connections: 6 }, async ({ port, stat, serves }) => {
  const all = await Promise.all(Array.from({ length: 9 }, (_, i) => raw(port, `127.0.1.${i + 1}`)))
  await until(() => stat('refusedConnections') === 3, 'three refusals')
  assert.is(stat('connectionsOpen'), 6)
  for (const { socket } of all) socket.destroy()
  await until(() => stat('connectionsOpen') === 0, 'all gone')
  await serves()
})

hostile('G27 a client that never reads is bounded: nothing beyond the backlog is taken, and it is closed', {}, async ({ plane, port, seen, stat, serves }) => {
  const client = await TlsClient.connect(port)
  await until(() => seen.connections.size === 1, 'the connection')
  client.pause()
  client.tcp.pause()
  const { handle } = seen.last().info
  const part = Buffer.alloc(64 * 1024)
  let sent = 0
  while (seen.seen(handle).closed === 'no' && sent < 4000) { // 250 MB
    plane.write(handle, part, false)
    if (++sent % 16 === 0) await pause(1)
  }
  await until(() => seen.seen(handle).closed === 'failed', 'closed')
  assert.ok(sent < 1000, `${sent * 64} kB were taken`)
  assert.is(stat('slowReaders'), 1)
  client.destroy()
  await serves()
})

hostile('G27 junk inside an established connection ends it alone', {}, async ({ port, seen, serves }) => {
  const victim = await TlsClient.connect(port)
  const attacker = await TlsClient.connect(port)
  await until(() => seen.connections.size === 2, 'both')
  const [, junk] = [...seen.connections.values()]
  attacker.tcp.write(randomBytes(400)) // behind the back of TLS
  await until(() => junk?.closed === 'failed', 'closed')
  assert.ok(!victim.ended)
  await serves()
  victim.destroy()
  attacker.destroy()
})

hostile('a storm of connections that come and go leaves nothing behind', { connectionsPerAddress: 1000 }, async ({ plane, port, seen, stat, serves }) => {
  seen.onConnection = ({ handle }) => {
    if (handle % 3 === 0) plane.destroy(handle, true)
    if (handle % 3 === 1) plane.end(handle)
  }
  await Promise.all(Array.from({ length: 10 }, async (_, lane) => {
    for (let i = 0; i < 15; i++) {
      const client = await TlsClient.connect(port)
      client.write('x')
      if (lane % 2 === 0) await pause(i % 4)
      if (i % 2 === 0) client.reset()
      client.destroy()
    }
  }))
  await until(() => [...seen.connections.values()].every(({ closed, ends }) => closed !== 'no' || ends > 0), 'every end')
  for (const { info, closed } of seen.connections.values()) if (closed === 'no') plane.destroy(info.handle, false)
  await until(() => stat('connectionsOpen') === 0, 'no connection is left')
  assert.is(stat('handshakesOpen'), 0)
  seen.onConnection = () => undefined
  await serves()
})

test.run()
