// test: limit=120
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { codeOf } from '../testing.ts'
import { UNUSED_SESSIONS } from './session-limits.ts'
import type { Session } from './session.ts'
import { login, refusal, rigs, SessionRig } from './testing.ts'

const rig = rigs(test)

test('G27 logins that are never connected stay few, in the store too; the oldest of the user give way', () => {
  const { table, opened, told } = rig()
  const eve = table.create(login('eve'))
  const sessions = Array.from({ length: 100 }, () => table.create(login()))
  assert.equal(table.list().map(({ id }) => id), [eve, ...sessions.slice(-UNUSED_SESSIONS)].map(({ id }) => id))
  assert.is(opened.store.read((db) => db.prepare('SELECT count(*) FROM core_session').pluck().get()), UNUSED_SESSIONS + 1)
  assert.is(told.filter((line) => line === 'ended bob login-unused').length, 100 - UNUSED_SESSIONS)
})

test('G27 a client that died between login and CONNECT does not keep its user out', async () => {
  const one = rig({ policy: { maxSessions: 1 } })
  const cookie = one.table.cookie(one.table.create(login()))
  const second = one.table.create(login())
  assert.is(refusal(one, cookie), 'terminated')
  await one.connect(second)
  assert.is(codeOf(() => one.table.create(login())), 'SESSION_LIMIT', 'it has its client')
  assert.equal(one.table.list(), [second])
})

test('G27 at the limit a session that waits gives way to a login from a device like its own, and to no other', async () => {
  const one = rig({ policy: { maxSessions: 1 } })
  const first = one.table.create(login('bob', { hostname: 'laptop' }))
  const client = await one.connect(first)
  assert.is(codeOf(() => one.table.create(login('bob', { hostname: 'laptop' }))), 'SESSION_LIMIT')
  client.end()
  await one.plane.settled()
  assert.is(codeOf(() => one.table.create(login('bob', { hostname: 'tablet' }))), 'SESSION_LIMIT', 'another device waits for its client')
  const second = one.table.create(login('bob', { hostname: 'laptop' }))
  assert.equal(one.table.list(), [second])
  assert.is(one.told.filter((line) => line === 'ended bob superseded').length, 1)
})

test('G27 at the limit a tunnel whose client does not answer DPD gives way; without DPD nobody knows', async () => {
  for (const [dpdSec, silentSec, givesWay] of [[30, 34, false], [30, 36, true], [0, 100_000, false]] as const) {
    const one = rig({ policy: { maxSessions: 1, dpdSec } })
    const dead = one.table.create(login())
    const client = await one.connect(dead)
    const ask = one.plane.tunnelCounters.bind(one.plane)
    one.plane.tunnelCounters = (tunnel) => {
      const counters = ask(tunnel)
      return counters && { ...counters, silentMs: BigInt(silentSec * 1000) }
    }
    assert.is(codeOf(() => one.table.create(login('bob', { hostname: 'other' }))), 'SESSION_LIMIT')
    assert.is(codeOf(() => one.table.create(login())), givesWay ? 'nothing was thrown' : 'SESSION_LIMIT')
    assert.is(client.ended, givesWay)
  }
})

test('max-sessions-action replace: the oldest session of the user ends with a text, whatever its device and state', async () => {
  const one = rig({ policy: { maxSessions: 2, maxSessionsAction: 'replace' }, maxSessions: 4 })
  const oldest = one.table.create(login('bob', { hostname: 'laptop' }))
  const client = await one.connect(oldest)
  const younger = one.table.create(login('bob', { hostname: 'tablet' }))
  await one.connect(younger)
  const newest = one.table.create(login('bob', { hostname: 'phone' }))
  await one.plane.settled()
  assert.equal(one.table.list(), [younger, newest])
  assert.match(Buffer.concat(client.frames().map(({ payload }) => payload)).toString(), /on another device/)
  assert.is(one.told.at(-2), 'ended bob replaced')
  // What is dead goes before what lives.
  const last = one.table.create(login('bob', { hostname: 'desktop' }))
  assert.equal(one.table.list(), [younger, last], 'the login that nobody had used')
  // A place in the gateway is nobody's to take.
  for (const user of ['eve', 'joe']) await one.connect(one.table.create(login(user)))
  assert.is(codeOf(() => one.table.create(login('zoe'))), 'SESSION_LIMIT')
})

test('G27 below the limit nothing gives way to another login', async () => {
  const one = rig({ policy: { maxSessions: 3 } })
  for (let round = 0; round < 2; round++) {
    ;(await one.connect(one.table.create(login()))).end()
    await one.plane.settled()
  }
  one.table.create(login())
  assert.is(one.table.list().length, 3)
})

test('G27 of a full gateway only the own unused session gives way', () => {
  const { table } = rig({ maxSessions: 2 })
  const [bob, eve] = [table.create(login()), table.create(login('eve'))]
  assert.is(codeOf(() => table.create(login('joe'))), 'SESSION_LIMIT')
  const next = table.create(login())
  assert.equal(table.list(), [eve, next])
  assert.is(table.get(bob.id), undefined)
})

test('a login that the store refuses ends nothing', () => {
  const one = rig({ policy: { maxSessions: 1 } })
  const session = one.table.create(login())
  one.opened.store.read((db) => db.pragma('query_only = ON'))
  assert.is(codeOf(() => one.table.create(login())), 'STORE_READONLY')
  assert.equal(one.table.list(), [session])
  one.opened.store.read((db) => db.pragma('query_only = OFF'))
})

test('a session that was ever connected never gives way to another device, also after a restart, and no limit is passed', async () => {
  const action = fc.record({ do: fc.constantFrom('login' as const, 'login' as const, 'login' as const, 'connect' as const, 'cut' as const, 'restart' as const), user: fc.nat(1) })
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 40 }), fc.constantFrom(0, 3, 12), fc.constantFrom(0, 4), async (actions, maxSessions, total) => {
    const options = { policy: { maxSessions, disconnectedTimeoutSec: 0, idleTimeoutSec: 0 }, maxSessions: total }
    let one = new SessionRig(options)
    const last = new Map<number, Session>()
    const connected = new Set<string>()
    let host = 0
    for (const { do: what, user } of actions) {
      const session = last.get(user)
      if (what === 'login') {
        try {
          last.set(user, one.table.create(login(`u${user}`, { hostname: `host${++host}` })))
        } catch (error) {
          assert.is((error as { code?: string }).code, 'SESSION_LIMIT')
        }
      } else if (what === 'restart') {
        one.stop()
        one = new SessionRig({ ...options, directory: one.directory, clock: one.clock })
        last.clear()
      } else if (session && one.table.get(session.id)) {
        const client = await one.connect(session)
        connected.add(session.id)
        if (what === 'cut') client.end()
        await one.plane.settled()
      }
      const list = one.table.list()
      for (const id of connected) assert.ok(one.table.get(id), 'it goes on')
      for (const name of ['u0', 'u1']) {
        const own = list.filter((entry) => entry.user === name)
        assert.ok(maxSessions === 0 || own.length <= maxSessions)
        assert.ok(own.filter(({ id }) => !connected.has(id)).length <= UNUSED_SESSIONS)
      }
      assert.ok(total === 0 || list.length <= total)
    }
    one.stop()
  }), { numRuns: 40 })
})

test.run()
