import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FORGET_MS, KeepaliveLearner, MAX_NETWORKS } from './keepalive-learner.ts'

const NET = '198.51.100.0/24'
const LIMITS = { startSec: 20, capSec: 300 }

/** Sessions behind a NAT that forgets after `nat` seconds, until nothing changes; the intervals they used. */
function behind(nat: number, limits = LIMITS, learner = new KeepaliveLearner()): number[] {
  const used: number[] = []
  for (let round = 0; round < 40; round++) {
    const { sec, settled } = learner.interval(NET, limits, round)
    used.push(sec)
    if (settled) return used
    learner.observe(NET, sec, sec < nat, round)
  }
  throw new Error(`not settled after ${used.join(' ')}`)
}

test('behind a NAT of 35 s: 20, 30, 45 is lost, and it stays at 27', () => {
  assert.equal(behind(35), [20, 30, 45, 27])
})

test('whatever the NAT, the interval settles below its time and above half of what it allows', () => {
  for (let nat = 6; nat < 700; nat++) {
    const settled = behind(nat).at(-1) ?? 0
    assert.ok(settled < nat, `${nat}: ${settled}`)
    assert.ok(settled >= Math.min(300, nat) * 0.5, `${nat}: ${settled}`)
  }
})

test('it never goes beyond the cap, nor below a policy that begins there', () => {
  assert.is(Math.max(...behind(10_000, { startSec: 20, capSec: 60 })), 60)
  assert.equal(behind(10_000, { startSec: 90, capSec: 60 }), [60, 60])
  assert.equal(behind(7, { startSec: 4, capSec: 12 }), [4, 6, 9, 5])
})

test('a survivor longer than a loss is not believed; a loss shorter than a survivor is', () => {
  const learner = new KeepaliveLearner()
  learner.observe(NET, 30, true, 0)
  learner.observe(NET, 45, false, 0)
  learner.observe(NET, 60, true, 0)
  assert.equal(learner.interval(NET, LIMITS, 0), { sec: 27, settled: true })
  learner.observe(NET, 27, false, 0)
  assert.equal(learner.interval(NET, LIMITS, 0), { sec: 18, settled: false })
  learner.observe(NET, 18, true, 0)
  assert.equal(learner.interval(NET, LIMITS, 0), { sec: 16, settled: true })
})

test('one network says nothing of another', () => {
  const learner = new KeepaliveLearner()
  learner.observe(NET, 45, false, 0)
  assert.equal(learner.interval('203.0.113.0/24', LIMITS, 0), { sec: 20, settled: false })
})

test('what is known is forgotten after 30 days, and learned again from there', () => {
  const learner = new KeepaliveLearner()
  behind(35, LIMITS, learner)
  assert.is(learner.interval(NET, LIMITS, FORGET_MS).sec, 27)
  assert.equal(learner.interval(NET, LIMITS, FORGET_MS + 1000), { sec: 20, settled: false })
  learner.observe(NET, 27, true, FORGET_MS + 1000)
  assert.equal(learner.interval(NET, LIMITS, FORGET_MS + 1000), { sec: 40, settled: false })
})

test('a wall clock set back forgets nothing', () => {
  const learner = new KeepaliveLearner()
  learner.observe(NET, 30, true, FORGET_MS)
  learner.observe(NET, 45, false, FORGET_MS)
  assert.is(learner.interval(NET, LIMITS, 0).sec, 27)
})

test('networks are bounded: the one heard of longest ago goes', () => {
  const learner = new KeepaliveLearner()
  learner.observe('oldest', 30, true, 0)
  learner.observe('older', 30, true, 0)
  learner.observe('oldest', 45, true, 0)
  for (let i = 0; i < MAX_NETWORKS - 1; i++) learner.observe(`net ${i}`, 30, true, 0)
  assert.is(learner.size, MAX_NETWORKS)
  assert.is(learner.interval('older', LIMITS, 0).sec, 20)
  assert.is(learner.interval('oldest', LIMITS, 0).sec, 67)
  assert.is(learner.takeChanges().get('older'), undefined)
})

test('changes are told once, and a survivor seen again is none for a day', () => {
  const learner = new KeepaliveLearner()
  learner.observe(NET, 20, true, 0)
  assert.equal([...learner.takeChanges()], [[NET, { survivedSec: 20, survivedAt: 0, lostSec: 0, lostAt: 0 }]])
  learner.observe(NET, 20, true, 1000)
  learner.observe(NET, 15, true, 1000)
  assert.is(learner.takeChanges().size, 0)
  learner.observe(NET, 20, true, 86_400_000)
  assert.is(learner.takeChanges().size, 1)
})

test.run()
