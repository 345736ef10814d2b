/** What every data plane promises (core/dataplane.ts, reference border section 5). Runs against the fake and the addon. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DataPlane, OpenInfo, OpenSpec, Promotion, TlsContextSpec, TunnelHandle, TunnelSpec } from '../../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../../core/dataplane.ts'
import { DataPlaneError } from '../../core/errors.ts'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { takeFrames } from '../../native/fake_frames.ts'
import type { Frame } from '../../native/fake_frames.ts'
import { pause, Recorder, until } from '../native/recorder.ts'
import type { Seen } from '../native/recorder.ts'

/** The peer of a data plane, after its handshake. */
export interface ContractClient {
  write(bytes: Uint8Array | string): void
  end(): void
  reset(): void
  pause(): void
  resume(): void
  received(): Buffer
  readonly ended: boolean
}

export interface ContractRig {
  /** A second call comes only after stop(). */
  plane(): DataPlane
  connect(plane: DataPlane, info: OpenInfo): Promise<ContractClient>
  readonly contexts: readonly TlsContextSpec[]
  /** Its key belongs to another certificate. */
  readonly mismatched: readonly TlsContextSpec[]
  readonly lockDirectory: string
}

interface Open {
  readonly plane: DataPlane
  readonly info: OpenInfo
  readonly seen: Recorder
  connect(): Promise<{ client: ContractClient; connection: Seen }>
}

const HEAD = Buffer.from('HTTP/1.1 200 CONNECTED\r\nX-CSTP-Version: 1\r\n\r\n')
const spec: TunnelSpec = { ipv4: '10.211.0.5', ipv6: 'fd21:1::5', mtu: 1300, dpdSec: 0, dpdRetries: 3, keepaliveSec: 0 }
const inner = (text: string): Buffer => packet('10.211.0.5', '10.211.0.1', text)
const hello = frame(FRAME.dpdRequest, 'hello')
let tunnels = 0
const nextTunnel = (): TunnelHandle => ++tunnels as TunnelHandle

const framesBehindHead = (client: ContractClient): readonly Frame[] => {
  const bytes = client.received()
  const at = bytes.indexOf('\r\n\r\n')
  return at < 0 ? [] : takeFrames(bytes.subarray(at + 4)).frames
}

export function dataPlaneContract(name: string, makeRig: () => Promise<ContractRig>): void {
  const test = suite(name)
  const withPlane = (what: string, run: (open: Open) => Promise<void>): void => test(what, async () => {
    const rig = await makeRig()
    const plane = rig.plane()
    const seen = new Recorder()
    seen.grant = (handle, seq) => plane.grant(handle, seq)
    const openSpec: OpenSpec = {
      listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptc%d', addresses: ['10.211.0.1/24', 'fd21:1::1/64'], routes: [], mtu: 1400, workers: 1,
      lockDirectory: rig.lockDirectory, limits: DEFAULT_LIMITS,
    }
    const info = plane.open(openSpec, rig.contexts, seen)
    try {
      await run({
        plane, info, seen,
        connect: async () => {
          const before = seen.connections.size
          const client = await rig.connect(plane, info)
          await until(() => seen.connections.size > before, 'the connection event')
          return { client, connection: seen.last() }
        },
      })
    } finally {
      plane.stop()
    }
  })
  const promotion = (connection: Seen, more: Partial<Promotion> = {}): Promotion => ({
    connection: connection.info.handle, tunnel: nextTunnel(), spec, head: HEAD, early: Buffer.alloc(0), seen: connection.lastSeq, ...more,
  })
  /** A connection that has become a tunnel. */
  const promoted = async ({ plane, seen, connect }: Open): Promise<{ client: ContractClient; tunnel: TunnelHandle }> => {
    seen.onData = () => false
    const { client, connection } = await connect()
    client.write('CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\n\r\n')
    await until(() => connection.lastSeq === 1, 'the request')
    const ask = promotion(connection)
    plane.promote(ask)
    await until(() => seen.up.includes(ask.tunnel), 'tunnelUp')
    return { client, tunnel: ask.tunnel }
  }
  const down = async (seen: Recorder, tunnel: TunnelHandle): Promise<string> => {
    await until(() => seen.down.has(tunnel), 'tunnelDown')
    await pause(20)
    assert.is(seen.down.get(tunnel)?.length, 1, 'exactly one tunnelDown')
    return seen.down.get(tunnel)?.[0]?.reason ?? ''
  }

  withPlane('a connection is announced with its addresses and its TLS', async ({ info, connect }) => {
    const { connection } = await connect()
    assert.match(connection.info.tlsVersion, /^TLSv1\.[23]$/)
    assert.ok(connection.info.cipher.length > 0)
    assert.is(connection.info.local.port, info.listeners[0]?.port)
    assert.ok(connection.info.peer.port > 0)
    assert.equal(connection.info.peerCertificates, [])
  })

  withPlane('request bytes come in order, one chunk for each grant', async ({ plane, seen, connect }) => {
    const waiting: [number, number][] = []
    seen.onData = (handle, seq) => (waiting.push([handle, seq]), false)
    const { client, connection } = await connect()
    const sent = Buffer.alloc(100_000, 'abcdefghijk')
    client.write(sent)
    await until(() => waiting.length === 1, 'the first chunk')
    await pause(50)
    assert.is(waiting.length, 1, 'no second chunk without a grant')
    plane.grant(connection.info.handle, 99)
    await pause(30)
    assert.is(waiting.length, 1, 'a grant for a chunk that was not sent permits nothing')
    for (let at = 0; seen.bytes(connection.info.handle).length < sent.length; at++) {
      await until(() => waiting.length > at, `chunk ${at + 1}`)
      plane.grant(connection.info.handle, waiting[at]?.[1] ?? 0)
    }
    assert.equal(waiting.map(([, seq]) => seq), waiting.map((_, index) => index + 1))
    assert.ok(connection.chunks.every((chunk) => chunk.length <= 16384))
    assert.ok(seen.bytes(connection.info.handle).equals(sent))
  })

  withPlane('writes arrive in order and notify is answered when all has left', async ({ plane, connect }) => {
    const { client, connection } = await connect()
    const { handle } = connection.info
    for (let i = 0; i < 20; i++) plane.write(handle, Buffer.from(`answer ${i};`), i === 19)
    const want = Array.from({ length: 20 }, (_, i) => `answer ${i};`).join('')
    await until(() => client.received().toString() === want, 'the answer')
    await until(() => connection.flushed === 1, 'flushed')
  })

  withPlane('notify waits for a peer that does not read', async ({ plane, connect }) => {
    const { client, connection } = await connect()
    client.pause()
    const big = Buffer.alloc(24 * 1024 * 1024, 7)
    plane.write(connection.info.handle, big, true)
    await pause(300)
    assert.is(connection.flushed, 0)
    client.resume()
    await until(() => connection.flushed === 1 && client.received().length === big.length, 'the rest', 20_000)
  })

  withPlane('end flushes, closes this direction, and the connection is closed once', async ({ plane, connect, seen }) => {
    const { client, connection } = await connect()
    plane.write(connection.info.handle, Buffer.from('bye'), false)
    plane.end(connection.info.handle)
    plane.write(connection.info.handle, Buffer.from('late'), false)
    await until(() => client.ended, 'the end')
    assert.is(client.received().toString(), 'bye')
    client.end()
    await until(() => connection.closed === 'closed', 'closed')
    plane.end(connection.info.handle)
    plane.destroy(connection.info.handle, true)
    await pause(30)
    assert.is(seen.order.filter((line) => line === `closed ${connection.info.handle}`).length, 1)
  })

  withPlane('destroy closes at once', async ({ plane, connect }) => {
    for (const reset of [false, true]) {
      const { client, connection } = await connect()
      plane.destroy(connection.info.handle, reset)
      await until(() => client.ended && connection.closed === 'closed', 'closed')
    }
  })

  withPlane('a FIN behind the request is reported once, after the bytes, and the answer still arrives', async ({ plane, seen, connect }) => {
    const { client, connection } = await connect()
    const { handle } = connection.info
    client.write('POST / HTTP/1.1\r\n\r\nbody')
    client.end()
    await until(() => connection.ends === 1, 'end')
    assert.is(seen.bytes(handle).toString(), 'POST / HTTP/1.1\r\n\r\nbody')
    plane.write(handle, Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), false)
    plane.end(handle)
    await until(() => client.received().toString() === 'HTTP/1.1 200 OK\r\n\r\n' && connection.closed !== 'no', 'the answer')
    assert.is(connection.ends, 1)
  })

  withPlane('a FIN is noticed while a chunk waits for its grant', async ({ plane, seen, connect }) => {
    seen.onData = () => false
    const { client, connection } = await connect()
    client.write('POST / HTTP/1.1\r\n\r\n')
    await until(() => connection.lastSeq === 1, 'the request')
    client.end()
    await until(() => connection.ends === 1, 'end')
    plane.grant(connection.info.handle, 1)
    await pause(30)
    assert.is(connection.ends, 1)
  })

  withPlane('no end is reported before bytes that came before it', async ({ plane, seen, connect }) => {
    const late: number[] = []
    seen.onData = (_, seq) => (late.push(seq), false)
    const { client, connection } = await connect()
    client.write('one')
    await until(() => late.length === 1, 'the first chunk')
    client.write('two')
    client.end()
    await pause(100)
    assert.is(connection.ends, 0)
    plane.grant(connection.info.handle, 1)
    await until(() => late.length === 2, 'the second chunk')
    plane.grant(connection.info.handle, 2)
    await until(() => connection.ends === 1, 'end')
    assert.is(seen.bytes(connection.info.handle).toString(), 'onetwo')
  })

  withPlane('a reset is reported as failed, also while a chunk waits', async ({ seen, connect }) => {
    seen.onData = () => false
    const { client, connection } = await connect()
    client.write('x')
    await until(() => connection.lastSeq === 1, 'the chunk')
    client.reset()
    await until(() => connection.closed === 'failed', 'closed')
  })

  withPlane('calls with stale and invented handles do nothing', async ({ plane, connect }) => {
    const { connection } = await connect()
    plane.destroy(connection.info.handle, false)
    await until(() => connection.closed === 'closed', 'closed')
    for (const handle of [connection.info.handle, 0, 1, 0x7fffffff].map((value) => value as typeof connection.info.handle)) {
      plane.grant(handle, 1)
      plane.write(handle, Buffer.from('x'), true)
      plane.end(handle)
      plane.destroy(handle, true)
    }
    plane.drop(4_000_000 as TunnelHandle, 'disconnect', 'nobody')
    plane.updateTunnel(4_000_001 as TunnelHandle, spec)
    assert.is(plane.tunnelCounters(4_000_002 as TunnelHandle), undefined)
    await connect()
  })

  withPlane('promote: the head comes before any frame, and data flows', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.write(frame(FRAME.data, inner('one')))
    client.write(hello)
    await until(() => framesBehindHead(client).some(({ type }) => type === FRAME.dpdResponse), 'the DPD answer')
    assert.ok(client.received().subarray(0, HEAD.length).equals(HEAD))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the packet')
    assert.is(open.plane.tunnelCounters(tunnel)?.rxBytes, BigInt(inner('one').length))
    assert.is(open.plane.stats().promoted, 1n)
    assert.is(open.plane.stats().tunnelsOpen, 1n)
  })

  withPlane('promote with early bytes: frames behind the request in the same chunk', async ({ plane, seen, connect }) => {
    seen.onData = () => false
    const { client, connection } = await connect()
    const request = 'CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\n\r\n'
    client.write(Buffer.concat([Buffer.from(request), frame(FRAME.data, inner('early')), hello.subarray(0, 5)]))
    await until(() => connection.lastSeq === 1, 'the request')
    const ask = promotion(connection, { early: seen.bytes(connection.info.handle).subarray(request.length) })
    plane.promote(ask)
    client.write(hello.subarray(5))
    await until(() => framesBehindHead(client).length === 1, 'the DPD answer')
    assert.is(plane.tunnelCounters(ask.tunnel)?.rxPackets, 1n)
  })

  withPlane('promote with a chunk that the control plane has not seen: it is replayed', async ({ plane, seen, connect }) => {
    const { client, connection } = await connect()
    client.write('CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\n\r\n')
    await until(() => connection.lastSeq === 1, 'the request') // granted: the next chunk may come at any time
    seen.onData = () => false
    client.write(Buffer.concat([frame(FRAME.data, inner('between')), hello]))
    await until(() => connection.lastSeq === 2, 'the chunk behind the request')
    const ask = promotion(connection, { seen: 1 })
    plane.promote(ask)
    await until(() => framesBehindHead(client).length === 1, 'the DPD answer')
    assert.is(plane.tunnelCounters(ask.tunnel)?.rxPackets, 1n)
  })

  withPlane('promote of a dead handle ends in one tunnelDown: gone', async ({ plane, seen, connect }) => {
    const { client, connection } = await connect()
    client.reset()
    await until(() => connection.closed !== 'no', 'closed')
    const ask = promotion(connection)
    plane.promote(ask)
    assert.is(await down(seen, ask.tunnel), 'gone')
    assert.not.ok(seen.up.includes(ask.tunnel))
    const { connection: closing } = await connect()
    plane.end(closing.info.handle)
    const late = promotion(closing)
    plane.promote(late)
    assert.is(await down(seen, late.tunnel), 'gone')
    const invented = promotion(closing, { connection: 0x7fffffff as typeof closing.info.handle })
    plane.promote(invented)
    assert.is(await down(seen, invented.tunnel), 'gone')
  })

  withPlane('a client that left before promote: the tunnel ends by itself', async ({ plane, seen, connect }) => {
    seen.onData = () => false
    const { client, connection } = await connect()
    client.write('CONNECT')
    await until(() => connection.lastSeq === 1, 'the request')
    client.end()
    await until(() => connection.ends === 1, 'end')
    const ask = promotion(connection)
    plane.promote(ask)
    assert.ok(['eof', 'gone'].includes(await down(seen, ask.tunnel)))
  })

  for (const how of ['disconnect', 'terminate', 'close'] as const) {
    withPlane(`drop: ${how}`, async (open) => {
      const { client, tunnel } = await promoted(open)
      open.plane.drop(tunnel, how, 'maintenance')
      assert.is(await down(open.seen, tunnel), how === 'close' ? 'superseded' : 'dropped')
      await until(() => client.ended, 'the end')
      const frames = framesBehindHead(client)
      if (how === 'close') assert.equal(frames, [])
      else {
        assert.is(frames.at(-1)?.type, how === 'disconnect' ? FRAME.disconnect : FRAME.terminate)
        assert.ok(frames.at(-1)?.payload.includes('maintenance'))
      }
      assert.is(open.plane.tunnelCounters(tunnel), undefined)
      assert.is(open.plane.stats().tunnelsOpen, 0n)
    })
  }

  withPlane('drop that overtakes the hand-over still wins', async ({ plane, seen, connect }) => {
    seen.onData = () => false
    for (let i = 0; i < 20; i++) {
      const { client, connection } = await connect()
      client.write('CONNECT')
      await until(() => connection.lastSeq === 1, 'the request')
      const ask = promotion(connection)
      plane.promote(ask)
      plane.drop(ask.tunnel, 'disconnect', 'changed my mind')
      assert.is(await down(seen, ask.tunnel), 'dropped')
    }
  })

  withPlane('G10 DPD is echoed at full length', async (open) => {
    const { client } = await promoted(open)
    const padding = Buffer.alloc(1300, 0xa5)
    client.write(frame(FRAME.dpdRequest, padding))
    await until(() => framesBehindHead(client).length === 1, 'the answer')
    const [answer] = framesBehindHead(client)
    assert.is(answer?.type, FRAME.dpdResponse)
    assert.ok(answer?.payload.equals(padding))
    assert.is(open.plane.stats().dpdReceived, 1n)
  })

  withPlane('DISCONNECT delivers its payload', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.write(frame(FRAME.disconnect, Buffer.concat([Buffer.from([0xb0]), Buffer.from('User left')])))
    assert.is(await down(open.seen, tunnel), 'peer-disconnect')
    const detail = Buffer.from(open.seen.down.get(tunnel)?.[0]?.detail ?? [])
    assert.is(detail[0], 0xb0)
    assert.is(detail.subarray(1).toString(), 'User left')
  })

  withPlane('a closed socket without DISCONNECT is eof', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.end()
    assert.is(await down(open.seen, tunnel), 'eof')
  })

  const broken: readonly (readonly [string, Buffer])[] = [
    ['bad magic', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['reserved byte', Buffer.from([0x53, 0x54, 0x46, 1, 0, 0, 0, 1])],
    ['a length beyond a record', Buffer.from([0x53, 0x54, 0x46, 1, 0xff, 0xff, 0, 0])],
  ]
  for (const [what, bytes] of broken) {
    withPlane(`G10 ${what} ends that tunnel only`, async (open) => {
      const other = await promoted(open)
      const { client, tunnel } = await promoted(open)
      client.write(bytes)
      assert.is(await down(open.seen, tunnel), 'frame')
      assert.is(open.plane.stats().cstpFrameErrors, 1n)
      other.client.write(hello)
      await until(() => framesBehindHead(other.client).length === 1, 'the other tunnel')
    })
  }

  withPlane('G10 frames in any split and merge', async (open) => {
    const { client, tunnel } = await promoted(open)
    const all = Buffer.concat(Array.from({ length: 30 }, (_, i) => frame(FRAME.data, inner(`packet ${i}`))))
    for (let at = 0; at < all.length; at += 11) client.write(all.subarray(at, at + 11))
    client.write(all)
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 60n, 'the packets')
  })

  withPlane('a foreign inner source and a packet that is none are counted and dropped', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.write(frame(FRAME.data, packet('10.211.0.6', '10.211.0.1', 'x')))
    client.write(frame(FRAME.data, packet('fd21:1::6', 'fd21:1::1', 'x')))
    client.write(frame(FRAME.data, inner('x').subarray(0, 20)))
    client.write(frame(FRAME.data, Buffer.from([0x45])))
    client.write(frame(FRAME.data, packet('fd21:1::5', 'fd21:1::1', 'mine')))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the good packet')
    const counters = open.plane.tunnelCounters(tunnel)
    assert.is(counters?.rxSpoofed, 2n)
    assert.is(counters?.rxInvalid, 2n)
    assert.is(open.plane.stats().rxSpoofed, 2n)
  })

  withPlane('updateTunnel replaces the addresses', async (open) => {
    const { client, tunnel } = await promoted(open)
    open.plane.updateTunnel(tunnel, { ...spec, ipv4: '10.211.0.9' })
    await pause(50)
    client.write(frame(FRAME.data, inner('the old address')))
    client.write(frame(FRAME.data, packet('10.211.0.9', '10.211.0.1', 'the new one')))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the packet')
    assert.is(open.plane.tunnelCounters(tunnel)?.rxSpoofed, 1n)
  })

  withPlane('the counters of a tunnel come with its end', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.write(frame(FRAME.data, inner('x')))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the packet')
    client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))
    await down(open.seen, tunnel)
    assert.is(open.seen.down.get(tunnel)?.[0]?.counters.rxPackets, 1n)
  })

  withPlane('an exception in a handler is reported and the next event still comes', async ({ seen, connect }) => {
    const reported: unknown[] = []
    const report = (error: unknown): void => void reported.push(error)
    process.on('uncaughtException', report)
    try {
      seen.onConnection = () => { throw new Error('thrown in a handler') }
      const { client, connection } = await connect()
      client.write('still here')
      await until(() => connection.lastSeq === 1 && reported.length === 1, 'the chunk and the report')
    } finally {
      process.off('uncaughtException', report)
    }
  })

  withPlane('contexts that do not fit are refused and the old ones stay', async ({ plane, connect }) => {
    const rig = await makeRig()
    const refused = (contexts: readonly TlsContextSpec[]): string => {
      try {
        plane.configureTls(contexts)
      } catch (error) {
        if (error instanceof DataPlaneError) return error.errno
        throw error
      }
      return 'accepted'
    }
    assert.is(refused(rig.mismatched), 'ERR_TLS_KEY_MISMATCH')
    const junk = { chainPem: 'no PEM', keyPem: 'no PEM' }
    assert.is(refused([{ serverNames: [], certificates: [junk], requestClientCertificate: false }]), 'ERR_TLS_PEM')
    assert.is(refused([]), 'ERR_TLS_PEM')
    await connect()
    assert.is(refused(rig.contexts), 'accepted')
    await connect()
  })

  withPlane('stop ends what lives, once, before it returns; twice is harmless', async (open) => {
    const { plane, seen, connect } = open
    const { tunnel } = await promoted(open)
    const granted = await connect()
    seen.onData = () => false
    const waiting = await connect()
    waiting.client.write('x')
    await until(() => waiting.connection.lastSeq === 1, 'the chunk')
    const closing = await connect()
    closing.client.pause()
    plane.write(closing.connection.info.handle, Buffer.alloc(16 * 1024 * 1024), false)
    plane.end(closing.connection.info.handle)
    const promoting = await connect()
    promoting.client.write('CONNECT')
    await until(() => promoting.connection.lastSeq === 1, 'the request')
    const ask = promotion(promoting.connection)
    plane.promote(ask)
    plane.stop()
    assert.is(seen.down.get(tunnel)?.[0]?.reason, 'stopped')
    assert.is(seen.down.get(ask.tunnel)?.length, 1)
    assert.is(seen.down.get(ask.tunnel)?.[0]?.reason, 'stopped')
    for (const { connection } of [granted, waiting, closing]) assert.is.not(connection.closed, 'no')
    const told = seen.order.length
    plane.stop()
    plane.write(granted.connection.info.handle, Buffer.from('x'), true)
    plane.promote(promotion(granted.connection))
    plane.drop(tunnel, 'disconnect', '')
    assert.is(plane.tunnelCounters(tunnel), undefined)
    await pause(50)
    assert.is(seen.order.length, told, 'nothing comes after stop')
    assert.equal(framesBehindHead(granted.client), [], 'no DISCONNECT: clients come back')
  })

  withPlane('a plane that is open is not opened again, and after stop it is', async ({ plane, info, seen, connect }) => {
    const rig = await makeRig()
    const again = { listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptc%d', addresses: ['10.212.0.1/24'], routes: [], mtu: 1400, workers: 1, lockDirectory: rig.lockDirectory, limits: DEFAULT_LIMITS }
    try {
      plane.open(again, rig.contexts, seen)
      assert.unreachable('a second open must be refused')
    } catch (error) {
      assert.ok(error instanceof DataPlaneError && error.errno === 'EBUSY', String(error))
    }
    await connect()
    plane.stop()
    const reopened = new Recorder()
    const second = plane.open({ ...again, listen: [{ address: '127.0.0.1', port: info.listeners[0]?.port ?? 0 }] }, rig.contexts, reopened)
    assert.is(second.listeners[0]?.port, info.listeners[0]?.port)
    await rig.connect(plane, second)
    await until(() => reopened.connections.size === 1, 'a connection')
  })

  test.run()
}
