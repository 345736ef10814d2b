import * as assert from 'uvu/assert'
import type { TunnelHandle } from '../../../core/dataplane.ts'
import { pause, until } from '../../native/recorder.ts'
import { spec, type ContractKit } from './rig.ts'

/** Before promotion: bytes, grants, flushing, both ends. */
export function connections({ withPlane }: ContractKit): void {
  withPlane('a connection is announced with its addresses and its TLS', async ({ info, connect }) => {
    const { connection } = await connect()
    assert.match(connection.info.tlsVersion, /^TLSv1\.[23]$/)
    assert.ok(connection.info.cipher.length > 0)
    assert.is(connection.info.local.port, info.listeners[0]?.port)
    assert.ok(connection.info.peer.port > 0)
    assert.equal(connection.info.peerCertificates, [])
  })

  withPlane('a connection is announced with what binds a signature to it', async ({ connect }) => {
    const [one, other] = [await connect(), await connect()]
    assert.equal(one.connection.info.channelBindings.map((binding) => Buffer.from(binding)), one.client.channelBindings.map((binding) => Buffer.from(binding)))
    assert.equal(one.connection.info.channelBindings.map(({ length }) => length), [48, 32])
    assert.not.equal(one.connection.info.channelBindings, other.connection.info.channelBindings)
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
}
