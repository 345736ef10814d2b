import * as assert from 'uvu/assert'
import { frame, FRAME } from '../../../native/fake.ts'
import { until } from '../../native/recorder.ts'
import { HEAD, framesBehindHead, hello, inner, type ContractKit } from './rig.ts'

/** From a connection to a tunnel, and every way that ends early (reference border section 5). */
export function promotions({ withPlane, promotion, promoted, down }: ContractKit): void {
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
}
