process.env['TZ'] = 'Europe/Berlin'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TestClock } from '../testing.ts'
import { hoursEdge } from './hours.ts'
import { login, rigs, SessionRig } from './testing.ts'

const test = suite('hours')
const rig = rigs(test)
const local = (text: string): number => new Date(text).getTime()
/** `open until ...`, `closed until ...` in UTC. */
const edge = (hours: readonly string[], text: string): string => {
  const { open, at } = hoursEdge(hours, local(text))
  return `${open ? 'open' : 'closed'} until ${at === undefined ? 'ever' : new Date(at).toISOString().slice(0, 16)}`
}
const OFFICE = ['mon-fri 08:00-18:00']

test('G09 open within a window up to its end, closed up to the next one, over a weekend', () => {
  assert.is(edge(OFFICE, '2026-11-20T17:59:59'), 'open until 2026-11-20T17:00')
  assert.is(edge(OFFICE, '2026-11-20T18:00:00'), 'closed until 2026-11-23T07:00')
  assert.is(edge(OFFICE, '2026-11-23T07:59:59'), 'closed until 2026-11-23T07:00')
  assert.is(edge(OFFICE, '2026-11-23T08:00:00'), 'open until 2026-11-23T17:00')
})

test('no hours, and hours that leave no gap, are open for ever; windows that touch are one', () => {
  assert.is(edge([], '2026-11-20T17:59:59'), 'open until ever')
  assert.is(edge(['sun-sat 00:00-24:00'], '2026-11-20T12:00'), 'open until ever')
  assert.is(edge(['sun-sat 08:00-08:00'], '2026-11-20T12:00'), 'open until ever')
  assert.is(edge(['fri 08:00-12:00', 'fri 12:00-13:00', 'fri 12:30-15:00'], '2026-11-20T09:00'), 'open until 2026-11-20T14:00')
})

test('a window goes past midnight, into the next week and the next year', () => {
  assert.is(edge(['sat 22:00-04:00'], '2026-11-22T03:59'), 'open until 2026-11-22T03:00')
  assert.is(edge(['sat 22:00-04:00'], '2026-11-22T04:00'), 'closed until 2026-11-28T21:00')
  assert.is(edge(['thu 22:00-04:00'], '2026-12-31T23:00'), 'open until 2027-01-01T03:00')
  assert.is(edge(['fri 10:00-11:00'], '2026-11-20T11:00'), 'closed until 2026-11-27T09:00')
})

test('summer time: a window keeps its hours on the clock of the wall', () => {
  // 29 March 2026, 02:00 -> 03:00; 25 October 2026, 03:00 -> 02:00.
  assert.is(edge(['sun 01:00-04:00'], '2026-03-29T01:30'), 'open until 2026-03-29T02:00')
  assert.is(edge(['sun 01:00-04:00'], '2026-10-25T01:30'), 'open until 2026-10-25T03:00')
  assert.is(edge(['mon 08:00-18:00'], '2026-03-28T12:00'), 'closed until 2026-03-30T06:00')
  assert.is(edge(['mon 08:00-18:00'], '2026-10-24T12:00'), 'closed until 2026-10-26T07:00')
  assert.is(edge(['sat,sun 00:00-24:00'], '2026-10-24T12:00'), 'open until 2026-10-25T23:00')
  // Its hours do not exist that day: it is not longer for it.
  assert.is(edge(['sun 02:15-02:45'], '2026-03-29T00:00'), 'closed until 2026-03-29T01:15')
  assert.is(edge(['sun 02:15-02:45'], '2026-03-29T03:20'), 'open until 2026-03-29T01:45')
})

test('at each minute of two weeks around a change of the clocks, the edge is where the answer changes', () => {
  const hours = ['mon-fri 08:00-18:00', 'sat 22:00-04:00', 'sun 01:30-02:30', 'wed 12:00-19:00']
  for (const begin of ['2026-03-22T00:00', '2026-10-18T00:00']) {
    const start = local(begin)
    for (let now = start; now < start + 14 * 86_400_000; now += 17 * 60_000) {
      const { open, at } = hoursEdge(hours, now)
      if (at === undefined) throw new Error('it changes every week')
      assert.ok(at > now)
      assert.is(hoursEdge(hours, at).open, !open)
      assert.is(hoursEdge(hours, at - 1).open, open)
      assert.is(hoursEdge(hours, (now + at) / 2).open, open)
    }
  }
})

test('G09 a session ends with the window: warned before, with a cause and a text of its own; the cookie is dead', async () => {
  const one = rig({ clock: new TestClock(local('2026-11-20T17:00')), policy: { hours: OFFICE } })
  const session = one.table.create(login())
  const cookie = one.table.cookie(session)
  const client = await one.connect(session)
  assert.is(session.expiresAt, local('2026-11-20T18:00'))
  one.clock.advance(55 * 60_000 + 1000)
  assert.is(one.told.at(-1), 'ending bob 300')
  assert.is(session.history.at(-1)?.text, '300 s until hours')
  assert.is(session.state, 'tls')
  one.clock.advance(5 * 60_000)
  await one.plane.settled()
  assert.is(one.told.at(-1), 'ended bob hours')
  assert.match(Buffer.concat(client.frames().map(({ payload }) => payload)).toString(), /hours in which you may be connected are over/)
  assert.ok('refused' in one.table.byCookie(cookie))
})

test('a session timeout that comes first counts', async () => {
  const one = rig({ clock: new TestClock(local('2026-11-20T17:00')), policy: { hours: OFFICE, sessionTimeoutSec: 600 } })
  const session = one.table.create(login())
  assert.is(session.expiresAt, local('2026-11-20T17:10'))
  await one.connect(session)
  one.clock.advance(601_000)
  assert.is(one.told.at(-1), 'ended bob session-timeout')
})

test('the wall clock decides: set forward beyond the window it ends the session, set back it gives the time back', () => {
  const one = rig({ clock: new TestClock(local('2026-11-20T17:00')), policy: { hours: OFFICE, disconnectedTimeoutSec: 0, idleTimeoutSec: 0 } })
  const session = one.table.create(login())
  one.table.claimLeases(session, { ipv4: true, ipv6: true })
  one.clock.jump(-3_600_000)
  one.clock.advance(1000)
  assert.is(session.expiresAt, local('2026-11-20T18:00'))
  one.clock.jump(2 * 3_600_000)
  one.clock.advance(2000)
  assert.is(one.told.at(-1), 'ended bob hours')
})

test('hours that change count at once; over a restart they stay, and what closed meanwhile is over', async () => {
  const one = rig({ clock: new TestClock(local('2026-11-20T17:00')) })
  const session = one.table.create(login())
  await one.connect(session)
  one.configure({ hours: OFFICE })
  one.table.renewPolicies()
  assert.is(session.expiresAt, local('2026-11-20T18:00'))
  one.kill()
  const next = new SessionRig({ directory: one.directory, clock: new TestClock(local('2026-11-20T17:30')) })
  assert.is(next.table.get(session.id)?.expiresAt, local('2026-11-20T18:00'))
  next.kill()
  const last = new SessionRig({ directory: one.directory, clock: new TestClock(local('2026-11-20T18:30')) })
  assert.is(last.table.get(session.id), undefined)
  last.stop()
})

test.run()
