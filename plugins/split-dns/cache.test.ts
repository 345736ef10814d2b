import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer } from './answer.ts'
import { Cache } from './cache.ts'

const answer = (ttlSec: number, size = 40): Answer => ({ bytes: Buffer.alloc(size), rcode: 0, truncated: false, ttlSec, ttls: [20] })

test('G17 an answer lives as long as its TTL and knows its age', () => {
  const cache = new Cache()
  cache.put('a', answer(60), 1000)
  assert.is(cache.get('a', 1000)?.ageSec, 0)
  assert.is(cache.get('a', 60_999)?.ageSec, 59)
  assert.is(cache.get('a', 61_000), undefined)
  assert.equal([cache.length, cache.bytes], [0, 0])
  cache.put('b', answer(0), 1000)
  assert.is(cache.length, 0)
})

test('bounded in entries: the least recently used goes', () => {
  const cache = new Cache({ entries: 2, bytes: 1e6 })
  cache.put('a', answer(60), 0)
  cache.put('b', answer(60), 0)
  cache.get('a', 1)
  cache.put('c', answer(60), 2)
  assert.equal(['a', 'b', 'c'].map((key) => cache.get(key, 3) !== undefined), [true, false, true])
})

test('bounded in bytes, also when one entry is replaced again and again', () => {
  const cache = new Cache({ entries: 1000, bytes: 10_000 })
  for (let at = 0; at < 100; at++) cache.put(`${at}`, answer(60, 1000), 0)
  assert.ok(cache.bytes <= 10_000 && cache.length >= 5, `${cache.length}`)
  const { bytes } = cache
  for (let at = 0; at < 10; at++) cache.put('99', answer(60, 1000), 0)
  assert.is(cache.bytes, bytes)
  assert.is(cache.flush() > 0, true)
  assert.equal([cache.length, cache.bytes], [0, 0])
})

test('keeps no part of a larger buffer', () => {
  const cache = new Cache()
  const large = Buffer.alloc(65_536)
  cache.put('a', { ...answer(60), bytes: large.subarray(0, 30) }, 0)
  large.fill(1)
  assert.equal(cache.get('a', 0)?.answer.bytes, Buffer.alloc(30))
})

test.run()
