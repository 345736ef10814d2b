import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BOTH, login, refusal, rigs } from './testing.ts'

const rig = rigs(test)

test('G07 the cookie finds its session, with a fresh nonce each time', () => {
  const one = rig()
  const session = one.table.create(login())
  const [a, b] = [one.table.cookie(session), one.table.cookie(session)]
  assert.is.not(a, b)
  assert.is(refusal(one, a), 'session of bob')
  assert.is(refusal(one, b), 'session of bob')
})

test('G07 cookies that are malformed, forged, foreign, expired, of an ended session are refused', () => {
  const [one, other] = [rig({ policy: { sessionTimeoutSec: 3600, disconnectedTimeoutSec: 86_400, idleTimeoutSec: 0 } }), rig()]
  assert.is(refusal(one, ''), 'malformed')
  assert.is(refusal(one, 'A'.repeat(10_000_000)), 'malformed')
  assert.is(refusal(one, other.table.cookie(other.table.create(login()))), 'forged')
  const session = one.table.create(login())
  one.table.claimLeases(session, BOTH)
  const cookie = one.table.cookie(session)
  one.table.end(session.id, 'user')
  assert.is(refusal(one, cookie), 'terminated')
  one.clock.advance(3600_000)
  assert.is(refusal(one, cookie), 'expired')
})

test('G07 the time of a session ends its cookie, before the tick too', () => {
  const one = rig({ policy: { sessionTimeoutSec: 1 } })
  const session = one.table.create(login())
  const cookie = one.table.cookie(session)
  one.table.stop()
  one.clock.advance(1000)
  assert.is(refusal(one, cookie), 'expired')
  assert.is(one.table.get(session.id), undefined)
})

test('G07 keys that rotate do not break a living session', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  const cookie = one.table.cookie(session)
  for (let day = 0; day < 3; day++) one.clock.advance(25 * 3600_000)
  assert.is(refusal(one, cookie), 'session of bob')
  const fresh = one.table.create(login('eve'))
  assert.is.not(one.table.cookie(fresh).slice(0, 9), cookie.slice(0, 9))
})

test.run()
