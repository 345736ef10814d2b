// test: limit=60
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from '../../core/testing.ts'
import { DEFAULT_LIMITS, type ConnectionInfo, type ConnectionLimits, type DataPlane, type StatName } from '../../core/dataplane.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { Recorder, until } from './recorder.ts'

insideOwnNamespace(import.meta.url)

const PROXY = '127.0.0.1'
const STRANGER = '127.0.0.9'
const contexts = [context([], await certificate('vpn.example.com'))]
const lockDirectory = testDirectory()
const line = (address: string, port = 50_000): string => `PROXY TCP${address.includes(':') ? '6' : '4'} ${address} ${address} ${port} 443\r\n`

interface Raw {
  readonly socket: Socket
  closed: boolean
}
class Rig {
  readonly seen = new Recorder()
  private constructor(readonly plane: DataPlane, readonly port: number, seen: Recorder) {
    this.seen = seen
  }
  static open(limits: Partial<ConnectionLimits>): Rig {
    const plane = createDataPlane(process.argv[2])
    const seen = new Recorder()
    seen.grant = (handle, seq) => plane.grant(handle, seq)
    const { listeners } = plane.open({
      listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptp%d', addresses: ['10.219.0.1/24'], routes: [], mtu: 1400, workers: 1, lockDirectory,
      limits: { ...DEFAULT_LIMITS, ...limits }, proxies: [`${PROXY}/32`, 'fd77::/64'],
    }, contexts, seen)
    return new Rig(plane, listeners[0]?.port ?? 0, seen)
  }
  stat(name: StatName): number {
    return Number(this.plane.stats()[name])
  }
  async raw(from: string, first = ''): Promise<Raw> {
    const socket = connect({ port: this.port, host: '127.0.0.1', localAddress: from })
    const made: Raw = { socket, closed: false }
    socket.on('error', () => undefined).once('close', () => (made.closed = true))
    // A connection that is refused at once may be gone before it was seen to be there.
    await new Promise((done) => socket.once('connect', done).once('close', done))
    if (first !== '') socket.write(first, 'latin1')
    return made
  }
  /** A TLS client behind what is sent first; what the data plane tells of it. */
  async shake(from: string, pieces: readonly string[]): Promise<ConnectionInfo> {
    const before = new Set(this.seen.connections.keys())
    const { socket } = await this.raw(from)
    socket.setNoDelay(true)
    for (const piece of pieces) {
      socket.write(piece, 'latin1')
      await new Promise((done) => setImmediate(done))
    }
    const tls = connectTls({ socket, rejectUnauthorized: false, servername: 'vpn.example.com' })
    await new Promise((done, fail) => tls.once('secureConnect', done).once('error', fail))
    await until(() => [...this.seen.connections.keys()].some((handle) => !before.has(handle)), 'the connection')
    tls.on('error', () => undefined).destroy()
    const [info] = [...this.seen.connections.entries()].filter(([handle]) => !before.has(handle)).map(([, { info }]) => info)
    return info ?? assert.unreachable('no connection') as never
  }
}
const proxied = (what: string, limits: Partial<ConnectionLimits>, run: (rig: Rig) => Promise<void>): void => test(what, async () => {
  const rig = Rig.open(limits)
  try {
    await run(rig)
  } finally {
    rig.plane.stop()
  }
})

proxied('G28 the client of the header is the peer, in either version, family and any pieces; the proxy is told beside it', {}, async (rig) => {
  const v2 = `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\xcb\0\x71\x01\xc3\x50\x01\xbb`
  for (const [pieces, peer] of [
    [[line('198.51.100.7')], { address: '198.51.100.7', port: 50_000 }],
    [['PROXY T', 'CP6 2001:db8::7 2001:db8::1 50001 443\r', '\n'], { address: '2001:db8::7', port: 50_001 }],
    [[v2], { address: '198.51.100.7', port: 50_000 }],
    [[...v2], { address: '198.51.100.7', port: 50_000 }],
  ] as const) {
    const { peer: told, proxy, pathMtu, serverName, local } = await rig.shake(PROXY, pieces)
    assert.equal([told, proxy?.address, pathMtu, serverName, local], [peer, PROXY, undefined, 'vpn.example.com', { address: '127.0.0.1', port: rig.port }])
  }
  const own = await rig.shake(PROXY, ['\r\n\r\n\0\r\nQUIT\n\x20\0\0\0'])
  assert.equal([own.peer.address, own.proxy?.address], [PROXY, PROXY], 'of its own')
  assert.equal([rig.stat('proxied'), rig.stat('proxyHeadersRefused')], [5, 0])
  const direct = await rig.shake(STRANGER, [])
  assert.equal([direct.peer.address, direct.proxy, typeof direct.pathMtu], [STRANGER, undefined, 'number'])
})

proxied('G28 a proxy without a header, with a wrong one or with half of one in time is refused and counted; others who send one fail in TLS', { handshakeTimeoutMs: 400 }, async (rig) => {
  const wrong = await Promise.all(['\x16\x03\x01\x02\0', 'GET / HTTP/1.1\r\n\r\n', 'PROXY TCP4 1.2.3.4\r\n'].map((first) => rig.raw(PROXY, first)))
  await until(() => wrong.every(({ closed }) => closed), 'the wrong ones')
  const late = await Promise.all(['', 'PROXY TCP4 198.51'].map((first) => rig.raw(PROXY, first)))
  await until(() => late.every(({ closed }) => closed), 'the late ones')
  assert.equal([rig.stat('proxyHeadersRefused'), rig.stat('proxied'), rig.stat('handshakes')], [5, 0, 0])
  const stranger = await rig.raw(STRANGER, line('198.51.100.7'))
  await until(() => stranger.closed, 'the stranger')
  assert.equal([rig.stat('handshakeFailures'), rig.stat('proxyHeadersRefused')], [1, 5])
  assert.is((await rig.shake(PROXY, [line('198.51.100.7')])).peer.address, '198.51.100.7')
})

proxied('G28 limits are those of the clients behind the proxy: one cannot take the places of the others', {}, async (rig) => {
  const crowd = await Promise.all(Array.from({ length: 20 }, (_, at) => rig.raw(PROXY, line('198.51.100.7', 1000 + at))))
  await until(() => rig.stat('handshakesOpen') === 16 && rig.stat('connectionsWaiting') === 4, 'the share of one address')
  const many = await Promise.all(Array.from({ length: 10 }, (_, at) => rig.raw(PROXY, line(`198.51.100.${10 + at}`))))
  await until(() => rig.stat('handshakesOpen') === 26, 'one of each of the others')
  assert.is((await rig.shake(PROXY, [line('198.51.100.99')])).peer.address, '198.51.100.99')
  assert.is(rig.stat('refusedPerAddress'), 0)
  for (const { socket } of [...crowd, ...many]) socket.destroy()
})

proxied('G28 connections of a proxy that say nothing take no place of others and are bounded in number', { connections: 20 }, async (rig) => {
  const silent = await Promise.all(Array.from({ length: 12 }, () => rig.raw(PROXY)))
  await until(() => silent.filter(({ closed }) => closed).length === 2, 'those beyond the bound')
  assert.equal([rig.stat('proxyHeadersRefused'), rig.stat('handshakesOpen')], [2, 0])
  assert.is((await rig.shake(STRANGER, [])).peer.address, STRANGER)
  for (const { socket } of silent) socket.destroy()
  await until(() => rig.stat('proxyHeadersRefused') === 12, 'that they are gone')
  assert.is((await rig.shake(PROXY, [line('198.51.100.7')])).peer.address, '198.51.100.7')
})

test.run()
