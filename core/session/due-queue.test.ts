import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { DueQueue } from './due-queue.ts'

test('who is due comes once, not before its time, earliest first', () => {
  const queue = new DueQueue(0)
  queue.set('b', 5000)
  queue.set('a', 2500)
  queue.set('never', undefined)
  queue.set('infinite', Infinity)
  assert.equal(queue.take(2400), [])
  assert.equal(queue.take(2999), [])
  assert.equal(queue.take(9000), ['a', 'b'])
  assert.equal(queue.take(99_000), [])
  assert.is(queue.size, 0)
})

test('a time can be moved and taken back; a past one is due with the next second', () => {
  const queue = new DueQueue(10_000)
  queue.set('a', 20_000)
  queue.set('a', 12_000)
  queue.set('b', 12_000)
  queue.delete('b')
  queue.set('past', 1)
  assert.equal(queue.take(11_000), ['past'])
  assert.equal(queue.take(30_000), ['a'])
})

test('a sleep of weeks with few entries is no work for each second of it', () => {
  const queue = new DueQueue(0)
  queue.set('b', 2e15)
  queue.set('a', 1e15)
  assert.equal(queue.take(3e15), ['a', 'b'])
})

test('the queue agrees with a plain list', () => {
  const action = fc.record({ id: fc.integer({ min: 0, max: 9 }), due: fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined }), pass: fc.integer({ min: 0, max: 7000 }) })
  fc.assert(fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
    const queue = new DueQueue(0)
    const list = new Map<string, number>()
    let now = 0
    for (const { id, due, pass } of actions) {
      queue.set(`${id}`, due)
      if (due === undefined) list.delete(`${id}`)
      else list.set(`${id}`, Math.max(Math.ceil(due / 1000), Math.floor(now / 1000) + 1))
      now += pass
      const expected = [...list].filter(([, second]) => second <= Math.floor(now / 1000)).map(([name]) => name)
      for (const name of expected) list.delete(name)
      assert.equal(queue.take(now).sort(), expected.sort())
      assert.is(queue.size, list.size)
    }
  }))
})

test.run()
