import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConnectionHandle, ConnectionInfo } from '../../core/api.ts'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { OUTSTANDING_BYTES } from './outbox.ts'
import { PortConnection, type ConnectionOwner } from './port-connection.ts'
import { BodyRoom } from './request-body.ts'
import { connectText, login, portFixture } from './testing.ts'

const info: ConnectionInfo = {
  handle: 7 as ConnectionHandle, peer: { address: '192.0.2.1', port: 5000 }, local: { address: '192.0.2.254', port: 443 }, tlsVersion: 'TLSv1.3', cipher: 'x', channelBindings: [], peerCertificates: [], verifyResult: 0,
}
const TIMES = { headersTimeoutMs: 100, requestTimeoutMs: 300, keepAliveTimeoutMs: 1000 }
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

function listed() {
  const calls: string[] = []
  const clock = { now: 0 }
  const room = new BodyRoom()
  const bodies: Uint8Array[] = []
  const owner: ConnectionOwner = {
    head: (connection, head, rest) => {
      calls.push(`head ${head.method} +${rest.length}`)
      if (head.method !== 'CONNECT') return Number(head.headers.get('content-length')?.[0] ?? 0)
      connection.detach()
      return undefined
    },
    request: (_connection, _head, body) => {
      bodies.push(body)
      calls.push(`request ${Buffer.from(body).toString()}`)
    },
    broken: (connection, { status }) => {
      calls.push(`broken ${status}`)
      connection.end()
    },
    pipelined: (connection) => connection.destroy(),
    left: () => void calls.push('left'),
  }
  const connection = new PortConnection(
    {
      grant: (_handle, seq) => void calls.push(`grant ${seq}`),
      write: (_handle, bytes, notify) => void calls.push(`write ${bytes.length}${notify ? ' notify' : ''}`),
      end: () => void calls.push('end'),
      destroy: () => void calls.push('destroy'),
    },
    info, owner, room, TIMES, () => clock.now,
  )
  let seq = 0
  return {
    calls, clock, connection, room, bodies,
    receive: (text: string) => connection.receive(++seq, Buffer.from(text)),
    take: () => calls.splice(0),
    at: (now: number) => {
      clock.now = now
      connection.look(now)
      return calls.splice(0)
    },
  }
}
const ok = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

test('each chunk is granted once it was read, a request is told when its body is whole', () => {
  const { connection, receive, take } = listed()
  receive('POST / HTTP/1.1\r\nContent-')
  receive('Length: 4\r\n\r\nab')
  receive('cd')
  assert.equal(take(), ['grant 1', 'head POST +2', 'grant 2', 'request abcd', 'grant 3'])
  connection.answer(ok, false)
  assert.equal(take(), ['write 19'])
  receive(GET)
  assert.equal(take(), ['head GET +0', 'request ', 'grant 4'])
})
test('behind a CONNECT nothing is granted, and what came with it is handed on', () => {
  const { connection, receive, take } = listed()
  receive('CONNECT /tunnel HTTP/1.1\r\nHost: a\r\n\r\nframe')
  assert.is(connection.seen, 1)
  assert.equal(take(), ['head CONNECT +5', 'left'])
  receive('late')
  connection.receiveEnd()
  connection.receiveClosed()
  assert.equal(take(), [])
})
test('more before the answer ends the connection, a line end does not', () => {
  const { receive, take } = listed()
  receive(`${GET}\r\n`)
  receive('\r\n')
  assert.equal(take(), ['head GET +2', 'request ', 'grant 1', 'grant 2'])
  receive('GET')
  assert.equal(take(), ['left', 'destroy'])
  const together = listed()
  together.receive(GET + GET)
  assert.equal(together.take(), ['head GET +27', 'left', 'destroy'])
})
test('a head has its time, a request its own, silence between two requests another; answering has none', () => {
  const { connection, receive, take, at } = listed()
  assert.equal([at(99), at(100)], [[], ['broken 408', 'left', 'end']], 'silent from the start')
  const slow = listed()
  assert.equal(slow.at(50), [])
  slow.receive('POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n')
  slow.take()
  assert.equal([slow.at(299), slow.at(300)], [[], ['broken 408', 'left', 'end']])
  const good = listed()
  good.receive(GET)
  good.take()
  assert.equal(good.at(100_000), [])
  good.connection.answer(ok, false)
  good.take()
  assert.equal(good.at(100_999), [])
  good.receive('GET')
  good.take()
  assert.equal([good.at(101_098), good.at(101_099)], [[], ['broken 408', 'left', 'end']])
  const idle = listed()
  idle.receive(GET)
  idle.connection.answer(ok, false)
  idle.take()
  assert.equal(idle.at(1000), ['left', 'end'], 'without a word')
  assert.not.ok(connection.alive)
  receive('x')
  assert.equal(take(), [])
})
test('the client ends: at once when idle, behind the answer when one is due, 400 within a request', () => {
  const idle = listed()
  idle.connection.receiveEnd()
  assert.equal(idle.take(), ['left', 'end'])
  const waiting = listed()
  waiting.receive(GET)
  waiting.connection.receiveEnd()
  waiting.take()
  waiting.connection.answer(ok, false)
  assert.equal(waiting.take(), ['write 19', 'left', 'end'])
  for (const text of ['GET', 'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab']) {
    const within = listed()
    within.receive(text)
    within.take()
    within.connection.receiveEnd()
    assert.equal(within.take(), ['broken 400', 'left', 'end'])
  }
})
test('an answer that says so is the last one', () => {
  const { connection, receive, take } = listed()
  receive(GET)
  take()
  connection.answer(ok, true)
  assert.equal(take(), ['write 19', 'left', 'end'])
})
test('G27 a long answer leaves in pieces, as fast as the client reads; no second request before its end', () => {
  const { connection, receive, take } = listed()
  receive(GET)
  take()
  connection.answer(Buffer.alloc(2.5 * OUTSTANDING_BYTES), false)
  assert.equal(take(), ['write 65536', 'write 65536 notify'])
  connection.receiveFlushed()
  assert.equal(take(), ['write 32768'])
  receive(GET)
  assert.equal(take(), ['head GET +0', 'request ', 'grant 2'])
  connection.answer(Buffer.alloc(OUTSTANDING_BYTES), true)
  assert.equal(take(), ['write 65536 notify'], 'still open: it has to leave first')
  receive(GET)
  assert.equal(take(), ['left', 'destroy'])
})
test('an answer that waits is let go when the connection is gone; an answer behind that goes nowhere', () => {
  const { connection, receive, take, room, bodies } = listed()
  receive('POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd')
  take()
  connection.receiveClosed()
  assert.equal(take(), ['left'])
  assert.is(Buffer.from(bodies[0] ?? []).toString(), 'abcd', 'somebody still reads it')
  connection.answer(ok, false)
  connection.receiveFlushed()
  assert.equal(take(), [])
  assert.equal([...(bodies[0] ?? [])], [0, 0, 0, 0])
  assert.is(room.held, 0)
})
test('a body under way is wiped and its room given back when the connection goes', () => {
  const { connection, receive, room } = listed()
  receive('POST / HTTP/1.1\r\nContent-Length: 400\r\n\r\nabcd')
  assert.is(room.held, 4)
  connection.receiveClosed()
  assert.is(room.held, 0)
})
test('frames at any moment around a CONNECT all arrive, in order', async () => {
  const fixture = portFixture()
  for (let run = 0; run < 60; run++) {
    const cookie = await login(fixture.connect())
    const address = `10.20.0.${fixture.sessions.list().length + 4}`
    const client = fixture.connect()
    const wait = async (turns: number): Promise<void> => {
      for (let index = 0; index < turns; index++) await turn()
    }
    fixture.plane.tun.length = 0
    client.wire.write(connectText(cookie))
    for (let index = 0; index < 20; index++) {
      await wait((run * 7 + index * 3) % 5)
      client.wire.write(frame(FRAME.data, packet(address, '10.20.0.1', String(index))))
    }
    await fixture.plane.settled()
    assert.equal(fixture.plane.tun.map((bytes) => bytes.subarray(20).toString()), Array.from({ length: 20 }, (_, index) => String(index)), `run ${run}`)
  }
  fixture.stop()
})

test.run()
