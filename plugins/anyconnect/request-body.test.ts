import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BodyRoom, RequestBody } from './request-body.ts'
import { REQUEST_LIMITS } from './request-guard.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** What is behind the body, the status of its refusal, or `waits`; in pieces of `size`. */
function feed(framing: number | 'chunked', text: string, size = text.length || 1): { body: RequestBody; room: BodyRoom; result: string | number } {
  const room = new BodyRoom()
  const body = new RequestBody(framing, room)
  for (let at = 0; at < text.length; at += size) {
    const piece = bytes(text.slice(at, at + size))
    const rest = body.push(piece)
    if ('status' in rest) return { body, room, result: rest.status }
    const behind = Buffer.from(rest).toString('latin1') + text.slice(at + size)
    piece.fill(0)
    if (body.complete) return { body, room, result: behind }
  }
  return { body, room, result: 'waits' }
}

test('a body of known length, in one piece and in any pieces', () => {
  for (const size of [1, 2, 3, 7, 20]) {
    const { body, result } = feed(10, '0123456789behind', size)
    assert.is(body.bytes.toString(), '0123456789')
    assert.is(result, 'behind')
  }
  assert.is(feed(10, '01234').result, 'waits')
})
test('chunks, with extensions and in any pieces', () => {
  const text = '4\r\nabcd\r\n00A;name="value" x\r\n0123456789\r\n1 \r\n\xff\r\n0\r\n\r\nbehind'
  for (let size = 1; size <= text.length; size++) {
    const { body, result } = feed('chunked', text, size)
    assert.is(body.bytes.toString('latin1'), 'abcd0123456789\xff', `pieces of ${size}`)
    assert.is(result, 'behind')
  }
})
test('malformed chunks are 400', () => {
  const broken = [
    'x\r\n', '\r\n', '-1\r\n', '0x4\r\nabcd\r\n', '4\nabcd\r\n', '4\r\nabcdX\r\n', '4\r\nabcd\n0\r\n\r\n', '4\r\nabcd\r\r', '0\r\nTrailer: 1\r\n\r\n', '0\r\n\n', '1000000\r\n', '1;\0\r\na\r\n',
    `1;${'x'.repeat(300)}`, '4\r\nabcd\r\n\r\n',
  ]
  for (const text of broken) {
    assert.is(feed('chunked', text).result, 400, JSON.stringify(text))
    assert.is(feed('chunked', text, 1).result, 400, JSON.stringify(text))
  }
})
test('G27 256 KiB pass and one byte more is 413, chunked or not', () => {
  const { bodyBytes } = REQUEST_LIMITS
  const chunked = (length: number): string => `${length.toString(16)}\r\n${'a'.repeat(length)}\r\n0\r\n\r\n`
  assert.is(feed('chunked', chunked(bodyBytes), 16_384).result, '')
  assert.is(feed('chunked', chunked(bodyBytes + 1), 16_384).result, 413)
  assert.is(feed(bodyBytes, 'a'.repeat(bodyBytes), 16_384).result, '')
  assert.is(feed(bodyBytes + 1, 'a'.repeat(bodyBytes + 1), 16_384).result, 413)
})
test('the bytes are copies, and wiping overwrites them and gives the room back', () => {
  const { body, room } = feed(6, 'secret')
  const held = body.bytes
  assert.is(room.held, 6)
  body.wipe()
  body.wipe()
  assert.equal([...held], [0, 0, 0, 0, 0, 0])
  assert.is(room.held, 0)
})
test('beyond the room small bodies go on and long ones are 503', () => {
  const room = new BodyRoom(20_000)
  const push = (length: number): string | number => {
    const rest = new RequestBody(length, room).push(Buffer.alloc(length))
    return 'status' in rest ? rest.status : 'read'
  }
  assert.equal([push(19_999), push(REQUEST_LIMITS.smallBodyBytes), push(REQUEST_LIMITS.smallBodyBytes + 1)], ['read', 'read', 503])
})

test.run()
