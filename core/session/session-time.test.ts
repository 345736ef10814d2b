import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { login, refusal, rigs } from './testing.ts'

const rig = rigs(test)
const MINUTE = 60_000

test('a login whose cookie no CONNECT uses ends after five minutes', () => {
  const one = rig()
  const session = one.table.create(login())
  one.clock.advance(5 * MINUTE - 1000)
  assert.ok(one.table.get(session.id))
  one.clock.advance(2000)
  assert.equal(one.told, ['created bob', 'ended bob login-unused'])
})

test('a waiting session ends after the shorter of disconnected-timeout and idle-timeout, 0 is off', async () => {
  for (const [disconnected, idle, expected, cause] of [[600, 1200, 600, 'disconnected-timeout'], [1200, 600, 600, 'idle-timeout'], [600, 600, 600, 'disconnected-timeout'], [0, 600, 600, 'idle-timeout'], [0, 0, undefined, '']] as const) {
    const one = rig({ policy: { disconnectedTimeoutSec: disconnected, idleTimeoutSec: idle } })
    const session = one.table.create(login())
    const client = await one.connect(session)
    one.clock.advance(3600_000)
    assert.is(session.state, 'tls', 'a tunnel is never idle')
    client.end()
    await one.plane.settled()
    one.clock.advance(598_000)
    assert.ok(one.table.get(session.id))
    one.clock.advance(expected === undefined ? 1e7 : 3000)
    assert.is(one.told.at(-1), expected === undefined ? 'down bob eof' : `ended bob ${cause}`)
  }
})

test('a reconnect starts the wait anew', async () => {
  const one = rig({ policy: { disconnectedTimeoutSec: 600, idleTimeoutSec: 600 } })
  const session = one.table.create(login())
  for (let round = 0; round < 3; round++) {
    ;(await one.connect(session)).end()
    await one.plane.settled()
    one.clock.advance(400_000)
  }
  assert.ok(one.table.get(session.id))
})

test('D05 D10 session-timeout counts from the login, tells the client, and leaves nothing of the session', async () => {
  const one = rig({ policy: { sessionTimeoutSec: 3600 } })
  const session = one.table.create(login())
  const cookie = one.table.cookie(session)
  assert.is(session.expiresAt, session.createdAt + 3600_000)
  await one.connect(session)
  one.clock.advance(1800_000)
  const client = await one.connect(session)
  one.clock.advance(1799_000)
  assert.is(session.state, 'tls')
  one.clock.advance(2000)
  assert.match(client.frames()[0]?.payload.toString() ?? '', /maximum length/)
  assert.is(one.told.at(-1), 'ended bob session-timeout')
  assert.ok(['expired', 'terminated'].includes(refusal(one, cookie)))
  assert.equal(one.table.list(), [])
  assert.is(one.opened.store.read((db) => db.prepare('SELECT count(*) FROM core_session').pluck().get()), 0)
})

test('D14 a wall clock that is set, forward or back, ends no session and keeps no one for ever', async () => {
  const one = rig({ policy: { sessionTimeoutSec: 36_000, disconnectedTimeoutSec: 600, idleTimeoutSec: 600 } })
  const [live, waiting] = [one.table.create(login('live')), one.table.create(login('waiting'))]
  const cookie = one.table.cookie(waiting)
  await one.connect(live)
  ;(await one.connect(waiting)).end()
  await one.plane.settled()
  for (const jump of [50 * 365 * 86_400_000, -90 * 365 * 86_400_000, 3600_000]) {
    one.clock.jump(jump)
    one.clock.advance(10_000)
    assert.is(one.table.list().length, 2)
    assert.is(refusal(one, cookie), 'session of waiting')
    const rows = one.opened.store.read((db) => db.prepare('SELECT expires_at FROM core_session').pluck().all() as number[])
    for (const at of rows) assert.ok(Math.abs(at - one.clock.now() - 36_000_000) < 60_000, 'rows follow the clock')
  }
  one.clock.advance(600_000)
  assert.equal(one.table.list().map(({ user }) => user), ['live'])
})

test('D05 the end of the session timeout is announced once, five minutes or half the time before; reconnecting moves nothing', async () => {
  for (const [timeoutSec, warnedAt, left] of [[3600, 3300, 300], [60, 30, 30], [599, 299, 300]] as const) {
    const one = rig({ policy: { sessionTimeoutSec: timeoutSec } })
    const session = one.table.create(login())
    await one.connect(session)
    one.clock.advance((warnedAt - 2) * 1000)
    await one.connect(session)
    assert.not.ok(one.told.some((line) => line.startsWith('ending')))
    one.clock.advance(3000)
    assert.is(one.told.at(-1), `ending bob ${left}`)
    assert.ok(one.log.lines.some(({ message, fields }) => message === 'session ends soon' && fields['session'] === session.id && fields['secondsLeft'] === left))
    assert.is(session.history.at(-1)?.what, 'ending')
    one.clock.advance(left * 1000)
    assert.equal(one.told.slice(-2), ['down bob session-timeout', 'ended bob session-timeout'])
    assert.is(one.told.filter((line) => line.startsWith('ending')).length, 1)
  }
})

test('D05 D13 a restart keeps the end and its announcement', async () => {
  const one = rig({ policy: { sessionTimeoutSec: 3600 } })
  const session = one.table.create(login())
  await one.connect(session)
  one.clock.advance(1800_000)
  one.kill()
  const again = rig({ directory: one.directory, clock: one.clock, policy: { sessionTimeoutSec: 3600 } })
  again.clock.advance(1501_000)
  assert.equal(again.told, ['ending bob 300'])
  assert.is(again.table.get(session.id)?.expiresAt, session.expiresAt)
  again.clock.advance(300_000)
  assert.is(again.told.at(-1), 'ended bob session-timeout')
})

test('D14 set back a year, then forward a day: no timer comes early or late, cookies stay good, also over a restart', async () => {
  const policy = { sessionTimeoutSec: 7200, disconnectedTimeoutSec: 1800, idleTimeoutSec: 1800, inactivityTimeoutSec: 3600 }
  let one = rig({ policy })
  const [live, waiting] = [one.table.create(login('live')), one.table.create(login('waiting'))]
  const cookies = [one.table.cookie(live), one.table.cookie(waiting)]
  await one.connect(live)
  ;(await one.connect(waiting)).end()
  await one.plane.settled()
  const all = (): readonly string[] => cookies.map((cookie) => refusal(one, cookie))
  for (const jump of [-365 * 86_400_000, 86_400_000]) {
    one.clock.jump(jump)
    assert.equal(all(), ['session of live', 'session of waiting'], 'before the tick')
    one.clock.advance(60_000)
    assert.equal(all(), ['session of live', 'session of waiting'])
    assert.ok((live.expiresAt ?? 0) - one.clock.now() <= 7200_000)
  }
  one.kill()
  one.clock.jump(-365 * 86_400_000)
  one = rig({ policy, directory: one.directory, clock: one.clock })
  assert.equal(all(), ['session of live', 'session of waiting'], 'the clock was set while the gateway was down')
  // The login is 2 min ago; nobody comes back.
  one.clock.advance(1801_000)
  assert.equal(one.table.list(), [], 'and keeps nobody longer than it may')
})

test('D14 ten thousand sessions are one timer', () => {
  const one = rig()
  one.opened.store.write(() => { for (let at = 0; at < 10_000; at++) one.table.create(login(`u${at}`)) })
  assert.is(one.clock.pending, 1)
})

test.run()
