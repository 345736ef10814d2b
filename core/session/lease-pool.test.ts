import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { LeasePool, MAX_POOL_ADDRESSES } from './lease-pool.ts'

const addressOf = (pool: LeasePool, number: number | undefined): string | undefined => (number === undefined ? undefined : pool.address(number))

test('G09 network, gateway and broadcast are never handed out', () => {
  const pool = new LeasePool('192.0.2.0/29')
  assert.is(pool.size, 5)
  const given = Array.from({ length: 6 }, (_, at) => addressOf(pool, pool.claim(`u${at}`, 0)))
  assert.equal(given, ['192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6', undefined])
  const six = new LeasePool('fd20::/126')
  assert.equal([six.claim('a', 0), six.claim('b', 0), six.claim('c', 0)].map((number) => addressOf(six, number)), ['fd20::2', 'fd20::3', undefined])
  for (const outside of ['192.0.2.0', '192.0.2.1', '192.0.2.7', '192.0.3.2', 'fd20::2', 'nonsense']) assert.is(pool.numberOf(outside), undefined, outside)
  assert.is(pool.numberOf('192.0.2.6'), 6)
})

test('G09 an owner gets his last address again while nobody else holds it', () => {
  const pool = new LeasePool('192.0.2.0/24')
  const [bob, eve] = [pool.claim('bob', 0), pool.claim('eve', 0)]
  pool.release(bob ?? 0, 'bob', 300)
  pool.release(eve ?? 0, 'eve', 300)
  assert.is(pool.claim('eve', 10), eve)
  assert.is(pool.claim('bob', 10), bob)
})

test('G09 an address rests before another owner gets it', () => {
  const pool = new LeasePool('192.0.2.0/30')
  const only = pool.claim('bob', 0)
  pool.release(only ?? 0, 'bob', 300)
  assert.is(pool.claim('eve', 299), undefined)
  assert.is(pool.claim('eve', 300), only)
  assert.is(pool.claim('bob', 300), undefined)
})

test('fresh addresses come first, then the one that rests longest', () => {
  const pool = new LeasePool('192.0.2.0/29')
  for (let at = 0; at < 4; at++) pool.release(pool.claim(`u${at}`, 0) ?? 0, `u${at}`, 0)
  assert.equal([pool.claim('x', 1), pool.claim('y', 1), pool.claim('z', 1)], [6, 2, 3])
})

test('a wish is granted where it is free, and never past the pool', () => {
  const pool = new LeasePool('192.0.2.0/24')
  assert.is(pool.claim('a', 0, 77), 77)
  assert.is(pool.claim('b', 0, 77), 2)
  for (const bad of [0, 1, 255, 256, -1]) assert.ok((pool.claim(`x${bad}`, 0, bad) ?? 0) < 77)
})

test('a huge prefix hands out a bounded number', () => {
  const pool = new LeasePool('fd20::/64')
  assert.is(pool.size, MAX_POOL_ADDRESSES)
  assert.is(pool.claim('a', 0, MAX_POOL_ADDRESSES + 2), 2)
  assert.is(pool.claim('b', 0, MAX_POOL_ADDRESSES + 1), MAX_POOL_ADDRESSES + 1)
})

test('rows read at start are in use or rest', () => {
  const pool = new LeasePool('192.0.2.0/29')
  pool.restoreHeld(2)
  pool.restoreResting(3, 'bob', 100)
  pool.restoreResting(2, 'bob', 100)
  assert.is(pool.claim('bob', 0), 3)
  assert.equal([pool.claim('x', 0), pool.inUse], [4, 3])
})

test('no address is ever held twice, and none gets lost', () => {
  const action = fc.record({ owner: fc.integer({ min: 0, max: 6 }), wish: fc.option(fc.integer({ min: 0, max: 16 }), { nil: undefined }), release: fc.boolean(), wait: fc.integer({ min: 0, max: 50 }) })
  fc.assert(fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
    const pool = new LeasePool('192.0.2.0/28')
    const held = new Map<number, string>()
    let now = 0
    for (const { owner, wish, release, wait } of actions) {
      now += wait
      const name = `u${owner}`
      const mine = [...held].find(([, who]) => who === name)?.[0]
      if (release && mine !== undefined) {
        pool.release(mine, name, now + 100)
        held.delete(mine)
        continue
      }
      const number = pool.claim(name, now, wish)
      if (number === undefined) continue
      assert.not.ok(held.has(number))
      assert.ok(number >= 2 && number <= 14)
      held.set(number, name)
    }
    assert.is(pool.inUse, held.size)
    now += 1000
    let more = 0
    while (pool.claim(`new${more}`, now) !== undefined) more++
    assert.is(more + held.size, pool.size)
  }))
})

test.run()
