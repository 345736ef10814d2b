import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codeOf, TestClock } from '../testing.ts'
import { GatewayError } from '../errors.ts'
import type { PolicyLayer } from '../policy/policy.ts'
import { sessionDetailJson, sessionJson } from './session-json.ts'
import type { Login } from './session.ts'
import { BOTH, login, rigs, SessionRig } from './testing.ts'

const test = suite('attributes of a session')
const rig = rigs(test)
const layer = (values: PolicyLayer['values']): PolicyLayer => ({ origin: 'radius 10.0.0.5', values })
const radiusLogin = (): Login => ({ ...login(), identity: { user: 'bob', groups: [], source: 'radius', attributes: layer({ mtu: 1290, rateUp: 1000 }), ticket: 'Q2xhc3M' } })

test('the ticket of the back-end stays with the session over a restart, and no listing has it', async () => {
  const one = rig()
  const session = one.table.create(radiusLogin())
  await one.connect(session)
  assert.is(session.ticket, 'Q2xhc3M')
  one.table.setAttributes(session.id, layer({ mtu: 1280 }))
  one.kill()
  const next = new SessionRig({ directory: one.directory, clock: new TestClock(one.clock.now()) })
  const back = next.table.get(session.id)
  assert.ok(back)
  assert.is(back.ticket, 'Q2xhc3M')
  assert.not.match(JSON.stringify([sessionJson(back, next.table), sessionDetailJson(back, next.table)]), /Q2xhc3M/)
  next.stop()
})

test('a ticket alone is kept too', () => {
  const one = rig()
  const session = one.table.create({ ...login(), identity: { user: 'bob', groups: [], source: 'radius', ticket: 'alone' } })
  one.table.claimLeases(session, BOTH)
  one.kill()
  const next = new SessionRig({ directory: one.directory, clock: new TestClock(one.clock.now()) })
  assert.is(next.table.get(session.id)?.ticket, 'alone')
  next.stop()
})

test('G23 other attributes are in force in a tunnel that stands, survive a restart and a renewal', async () => {
  const one = rig()
  const session = one.table.create(radiusLogin())
  await one.connect(session)
  const change = one.table.setAttributes(session.id, layer({ mtu: 1290, rateUp: 5000, rateDown: 7000, dns: ['10.0.0.53'] }))
  assert.equal(change && [[...change.changed].sort(), change.later], [['dns', 'rateDown', 'rateUp'], ['dns']])
  const spec = one.plane.tunnelSpec(session.tunnels as never)
  assert.equal([spec?.rateUp, spec?.rateDown], [5000, 7000])
  assert.is(session.policy.origins.rateUp, 'radius 10.0.0.5')
  assert.match(session.history.at(-1)?.text ?? '', /^policy changed: /)
  one.configure({ dpdSec: 11 })
  one.table.renewPolicies()
  assert.equal([session.policy.values.rateUp, session.policy.values.dpdSec], [5000, 11])
  one.kill()
  const next = new SessionRig({ directory: one.directory, clock: new TestClock(one.clock.now()) })
  const kept = next.table.get(session.id)
  assert.is(kept?.policy.values.rateDown, 7000)
  next.configure({ dpdSec: 12 })
  next.table.renewPolicies()
  assert.equal([kept?.policy.values.rateDown, kept?.policy.values.dpdSec], [7000, 12])
  assert.ok(next.table.setAttributes(session.id, undefined))
  assert.equal([kept?.policy.values.rateDown, kept?.policy.values.mtu, kept?.ticket], [0, one.config.now.policy.mtu, 'Q2xhc3M'])
  next.stop()
})

test('a new session timeout of the back-end ends the session in time', async () => {
  const one = rig()
  const session = one.table.create(radiusLogin())
  await one.connect(session)
  one.table.setAttributes(session.id, layer({ sessionTimeoutSec: 600 }))
  assert.is(session.expiresAt, session.createdAt + 600_000)
  one.clock.advance(601_000)
  assert.is(one.told.at(-1), 'ended bob session-timeout')
  assert.is(one.table.setAttributes(session.id, undefined), undefined, 'it is unknown now')
})

test('a store that refuses leaves the attributes as they were', async () => {
  const one = rig()
  const session = one.table.create(radiusLogin())
  await one.connect(session)
  const write = one.opened.store.write.bind(one.opened.store)
  one.opened.store.write = () => {
    throw new GatewayError('STORE_FULL', 'full')
  }
  assert.is(codeOf(() => one.table.setAttributes(session.id, layer({ rateUp: 9 }))), 'STORE_FULL')
  one.opened.store.write = write
  assert.is(session.policy.values.rateUp, 1000)
  one.table.renewPolicies()
  assert.is(session.policy.values.rateUp, 1000)
})

test.run()
