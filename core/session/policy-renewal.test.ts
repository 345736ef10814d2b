import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TunnelHandle } from '../dataplane.ts'
import { TestClock } from '../testing.ts'
import type { PolicySource } from '../slots.ts'
import { BOTH, login, rigs, SessionRig } from './testing.ts'

const test = suite('policy renewal')
const rig = rigs(test)
const FIRST = 1 as TunnelHandle

test('a changed policy is in force in a tunnel that stands: spec, row, event, listener', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  one.configure({ dpdSec: 10, denyRoaming: true, splitInclude: ['10.1.0.0/16'] })
  assert.is(one.table.renewPolicies(), 1)
  const spec = one.plane.tunnelSpec(FIRST)
  assert.equal([spec?.dpdSec, spec?.roaming, spec?.ipv4, spec?.mtu], [10, false, '10.20.0.2', 1400])
  assert.is(one.told.at(-1), 'policy bob dpd 30 -> 10')
  assert.is(session.history.at(-1)?.text, 'policy changed: split-include changed, dpd 30s -> 10s, deny-roaming false -> true')
  assert.is(session.state, 'tls')
  assert.is(one.table.renewPolicies(), 0, 'the same once more is no change')
  one.kill()
  const next = new SessionRig({ directory: one.directory, clock: new TestClock(one.clock.now()) })
  assert.is(next.table.get(session.id)?.policy.values.dpdSec, 10)
  next.stop()
})

test('one user alone is asked for, in any case of the name', () => {
  const one = rig()
  one.table.create(login('bob'))
  one.table.create(login('eve'))
  one.configure({ dpdSec: 10 })
  assert.is(one.table.renewPolicies('bob'), 1)
  assert.is(one.table.renewPolicies(), 1)
})

test('what a back-end said at the login stays with the session, over a restart too', () => {
  const one = rig()
  const { identity, ...rest } = login()
  const session = one.table.create({ ...rest, identity: { ...identity, groups: ['default', 'staff'], attributes: { origin: 'radius', values: { mtu: 1290 } } } })
  one.table.claimLeases(session, BOTH)
  one.kill()
  const next = new SessionRig({ directory: one.directory, clock: new TestClock(one.clock.now()) })
  next.configure({ dpdSec: 7 })
  next.table.renewPolicies()
  const { values, origins } = next.table.get(session.id)?.policy ?? session.policy
  assert.equal([values.mtu, origins.mtu, values.dpdSec], [1290, 'radius', 7])
  next.stop()
})

test('a store that refuses leaves every session as it was', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  one.configure({ dpdSec: 10 })
  const write = one.opened.store.write.bind(one.opened.store)
  one.opened.store.write = () => {
    throw new Error('full')
  }
  assert.throws(() => one.table.renewPolicies(), /full/)
  one.opened.store.write = write
  assert.is(session.policy.values.dpdSec, 30)
  assert.is(one.plane.tunnelSpec(FIRST)?.dpdSec, 30)
  assert.is(one.told.at(-1), 'up bob')
})

test('a session timeout counts from the login, whichever way it changes', async () => {
  const one = rig({ policy: { sessionTimeoutSec: 3600 } })
  const session = one.table.create(login())
  await one.connect(session)
  one.clock.advance(600_000)
  one.configure({ sessionTimeoutSec: 1200 })
  one.table.renewPolicies()
  assert.is(session.expiresAt, session.createdAt + 1_200_000)
  one.clock.advance(500_000)
  assert.is(session.state, 'tls')
  one.configure({ sessionTimeoutSec: 0 })
  one.table.renewPolicies()
  assert.is(session.expiresAt, undefined)
  one.clock.advance(7200_000)
  assert.is(session.state, 'tls')
  one.configure({ sessionTimeoutSec: 1200 })
  one.table.renewPolicies()
  one.clock.advance(2000)
  assert.is(one.told.at(-1), 'ended bob session-timeout')
})

test('a wait that is made shorter goes on, with five minutes left at least', async () => {
  const one = rig({ policy: { disconnectedTimeoutSec: 3600, idleTimeoutSec: 0 } })
  const session = one.table.create(login())
  ;(await one.connect(session)).end()
  await one.plane.settled()
  one.clock.advance(1800_000)
  one.configure({ disconnectedTimeoutSec: 600 })
  one.table.renewPolicies()
  one.clock.advance(295_000)
  assert.is(session.state, 'waiting')
  one.clock.advance(10_000)
  assert.is(one.told.at(-1), 'ended bob disconnected-timeout')
})

test('an inactivity timeout that comes later is looked at', async () => {
  const one = rig()
  await one.connect(one.table.create(login()))
  const ask = one.plane.tunnelCounters.bind(one.plane)
  one.plane.tunnelCounters = (tunnel) => {
    const counters = ask(tunnel)
    return counters && { ...counters, inactiveMs: BigInt(one.clock.monotonic()) }
  }
  one.configure({ inactivityTimeoutSec: 60 })
  one.table.renewPolicies()
  one.clock.advance(120_000)
  assert.is(one.told.at(-1), 'ended bob inactivity-timeout')
})

test('who has no addresses yet claims them from the pool of the new policy', () => {
  const one = rig()
  const session = one.table.create(login())
  one.configure({ pool: 'other' })
  one.table.renewPolicies()
  assert.throws(() => one.table.claimLeases(session, BOTH), /no pool other/)
})

test('a user\'s own layer that comes later counts with the next renewal', () => {
  const one = rig()
  const session = one.table.create(login())
  const source: PolicySource = { layer: (user) => ({ origin: `user ${user}`, values: { mtu: 1300 } }) }
  one.slots.policySource.add(source, 'test')
  assert.is(one.table.renewPolicies('bob'), 1)
  assert.is(session.policy.origins.mtu, 'user bob')
})

test.run()
