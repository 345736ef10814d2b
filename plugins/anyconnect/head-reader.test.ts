import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HeadReader, type HeadRead } from './head-reader.ts'
import { REQUEST_LIMITS } from './request-guard.ts'
import type { Refusal } from './request-head.ts'

const REQUEST = 'POST /a?b HTTP/1.1\r\nHost: x\r\nX-Twice: 1\r\nx-twice:\t 2 \t\r\nX-Empty:\r\nX-Bytes: \xe9\xff\r\n\r\n'
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const read = (text: string): HeadRead | Refusal | undefined => new HeadReader().push(bytes(text))
const inPieces = (text: string, size: number): HeadRead | Refusal | undefined => {
  const reader = new HeadReader()
  for (let at = 0; at < text.length; at += size) {
    const piece = bytes(text.slice(at, at + size))
    const result = reader.push(piece)
    piece.fill(0)
    if (result) return result
  }
  return undefined
}
const statusOf = (result: HeadRead | Refusal | undefined): number | string => (result === undefined ? 'waits' : 'status' in result ? result.status : 'head')

test('a head is the same in one piece and in any pieces, and what is behind it stays', () => {
  const whole = read(`${REQUEST}body`)
  assert.ok(whole && 'head' in whole)
  assert.equal([whole.head.method, whole.head.target, whole.head.version, whole.head.count], ['POST', '/a?b', '1.1', 5])
  assert.equal([...whole.head.headers], [['host', ['x']], ['x-twice', ['1', '2']], ['x-empty', ['']], ['x-bytes', ['\xe9\xff']]])
  assert.is(Buffer.from(whole.rest).toString(), 'body')
  for (let size = 1; size < REQUEST.length; size++) {
    const pieces = inPieces(REQUEST, size)
    assert.ok(pieces && 'head' in pieces, `pieces of ${size}`)
    assert.equal(pieces.head, whole.head)
  }
})
test('one reader reads one head after the other', () => {
  const reader = new HeadReader()
  for (const method of ['GET', 'POST', 'HEAD']) {
    assert.is(reader.push(bytes(`${method} / HT`)), undefined)
    assert.not.ok(reader.empty)
    const result = reader.push(bytes('TP/1.1\r\n\r\n'))
    assert.is(result && 'head' in result && result.head.method, method)
    assert.ok(reader.empty)
  }
})
test('line ends in front of a request are passed over', () => {
  assert.is(statusOf(read(`\r\n\r\n${REQUEST}`)), 'head')
  assert.is(statusOf(inPieces(`\r\n\r\n${REQUEST}`, 1)), 'head')
  assert.is(statusOf(read('\r\n'.repeat(REQUEST_LIMITS.headBytes))), 431)
})
test('malformed heads are refused in one piece and in pieces', () => {
  const refused = [
    'GET /\r\n\r\n', 'GET / HTTP/2.0\r\n\r\n', 'GET / HTTP/1.2\r\n\r\n', 'GET / http/1.1\r\n\r\n', 'GET  / HTTP/1.1\r\n\r\n', ' GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1 \r\n\r\n',
    'GET /\x80 HTTP/1.1\r\n\r\n', 'G(T / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\n\n', 'GET / HTTP/1.1\r\nHost: a\n\r\n', 'GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n', 'GET / HTTP/1.1\r\nHost\r\n\r\n',
    'GET / HTTP/1.1\r\n: a\r\n\r\n', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 'GET / HTTP/1.1\r\nHo st: a\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n',
    'GET / HTTP/1.1\r\n folded\r\n\r\n', 'GET / HTTP/1.1\r\nA: \0\r\n\r\n', 'GET / HTTP/1.1\r\nA: \x7f\r\n\r\n', 'GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n', '\n\n', '\r\r\n\r\n',
  ]
  for (const text of refused) {
    assert.is(statusOf(read(text)), 400, JSON.stringify(text))
    assert.is(statusOf(inPieces(text, 1)), 400, JSON.stringify(text))
  }
})
test('what cannot become a head is refused before its end', () => {
  for (const text of ['\x16\x03\x01', 'SSH-2.0-x\r\n', 'GET / HTTP/1.1\r\nA: 1\n', 'GET / HTTP/1.1\r\nA: \0', 'PRI * HTTP/2.0\r\n']) assert.is(statusOf(read(text)), 400, JSON.stringify(text))
  for (const text of ['GET', 'GET / HTTP/1.1\r', 'GET / HTTP/1.1\r\nA: 1\r\n']) assert.is(statusOf(read(text)), 'waits', JSON.stringify(text))
})
test('G27 a head of 16 KiB passes, one byte more is 431, complete or not', () => {
  const start = 'GET / HTTP/1.1\r\nX: '
  const head = (length: number): string => `${start}${'a'.repeat(length - start.length - 4)}\r\n\r\n`
  const { headBytes } = REQUEST_LIMITS
  assert.is(statusOf(read(head(headBytes))), 'head')
  assert.is(statusOf(inPieces(head(headBytes), 1000)), 'head')
  assert.is(statusOf(read(head(headBytes + 1))), 431)
  assert.is(statusOf(inPieces(head(headBytes + 1), 1000)), 431)
  assert.is(statusOf(read(head(headBytes + 10).slice(0, headBytes + 1))), 431)
  assert.is(statusOf(read(head(headBytes + 10).slice(0, headBytes))), 'waits')
})

test.run()
