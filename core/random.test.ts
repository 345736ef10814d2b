import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pooledRandomBytes } from './random.ts'

test('bytes come in the wanted number, never twice, and stay whatever is drawn later', () => {
  const drawn = Array.from({ length: 1000 }, () => pooledRandomBytes(16))
  const texts = drawn.map((bytes) => bytes.toString('hex'))
  assert.ok(texts.every((text) => text.length === 32))
  assert.is(new Set(texts).size, 1000)
  pooledRandomBytes(4096)
  assert.equal(drawn.map((bytes) => bytes.toString('hex')), texts)
  // All zero would be the trace of a pool that was wiped and not filled again.
  assert.not.ok(texts.includes('0'.repeat(32)))
})
test('odd numbers leave a rest in the pool that is not handed out as zeros', () => {
  for (let round = 0; round < 50; round++) assert.ok(pooledRandomBytes(1000).filter((byte) => byte === 0).length < 50)
})
test('more than the pool has is refused', () => {
  assert.is(pooledRandomBytes(4096).length, 4096)
  assert.throws(() => pooledRandomBytes(4097), /at most 4096/)
})

test.run()
