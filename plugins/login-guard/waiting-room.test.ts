import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TestClock } from '../../core/testing.ts'
import { WaitingRoom, type WaitEnd } from './waiting-room.ts'

const setUp = (limits: { total?: number; network?: number; account?: number }) => {
  const clock = new TestClock()
  const room = new WaitingRoom(clock, { total: 100, network: 100, account: 100, ...limits })
  const ends: Record<string, WaitEnd> = {}
  const enter = (name: string, network: string, account: string, connected = (): boolean => true): void => {
    void room.wait({ pair: `${network} ${account}`, network, account, connected }, 1000).then((end) => (ends[name] = end))
  }
  return { clock, room, ends, enter, settled: () => new Promise((resolve) => setImmediate(resolve)) }
}

test('G27 a network has so many places; further answers are refused, and those who have left make room', async () => {
  const { room, ends, enter, settled } = setUp({ network: 2 })
  let here = true
  enter('a', 'n', 'x', () => here)
  enter('b', 'n', 'y')
  enter('c', 'n', 'z')
  await settled()
  assert.equal(ends, { c: 'full' })
  here = false
  enter('d', 'n', 'z')
  await settled()
  assert.equal([ends, room.size], [{ c: 'full', a: 'full' }, 2])
})

test('G27 when all places are taken the most crowded network gives way, its newest first', async () => {
  const { room, ends, enter, settled } = setUp({ total: 4 })
  for (const name of ['a', 'b', 'c']) enter(name, 'crowd', name)
  enter('d', 'other', 'd')
  enter('e', 'new', 'e')
  await settled()
  assert.equal([ends, room.size], [{ c: 'full' }, 4])
  enter('f', 'new', 'f')
  await settled()
  assert.equal(ends, { c: 'full', f: 'full' })
})

test('G27 a name has so many places, shared out among networks', async () => {
  const { ends, enter, settled } = setUp({ account: 3 })
  for (const name of ['a', 'b', 'c']) enter(name, 'attacker', 'alice')
  enter('d', 'attacker', 'alice')
  enter('e', 'hotel', 'alice')
  enter('f', 'attacker', 'bob')
  await settled()
  assert.equal(ends, { d: 'full', c: 'full' })
})

test('delays end by themselves, by a wake, or with the gateway', async () => {
  const { clock, room, ends, enter, settled } = setUp({})
  enter('a', 'n', 'x')
  enter('b', 'm', 'y')
  room.wake(({ network }) => network === 'm')
  clock.advance(1000)
  enter('c', 'n', 'z')
  room.close()
  await settled()
  assert.equal([ends, room.size, clock.pending], [{ a: 'over', b: 'woken', c: 'full' }, 0, 0])
})

test.run()
