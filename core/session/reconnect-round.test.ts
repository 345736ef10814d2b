import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { login, rigs } from './testing.ts'

const test = suite('reconnect round')
const rig = rigs(test)

test('clients that have to be told are sent round a few at a time, and only while they need it', async () => {
  const one = rig()
  const sessions = Array.from({ length: 12 }, (_, at) => one.table.create(login(`u${at}`)))
  for (const session of sessions) await one.connect(session)
  one.configure({ dpdSec: 10 })
  one.table.renewPolicies()
  assert.is(one.table.round.begin(), 0, 'nothing that a client has to be told')
  one.configure({ dns: ['10.0.0.1'] })
  one.table.renewPolicies()
  const up = (): number => sessions.filter(({ state }) => state !== 'waiting').length
  assert.is(one.table.round.begin(), 12)
  await one.plane.settled()
  assert.is(up(), 7)
  // One comes by itself before its turn.
  const last = sessions.at(-1)
  if (last) await one.connect(last)
  one.clock.advance(1000)
  await one.plane.settled()
  assert.is(up(), 1)
  assert.match(last?.history.at(-1)?.text ?? '', /TLS/)
  assert.ok(sessions[0]?.history.some(({ text }) => text === 'its client comes back for dns'))
})

test('clients whom a plugin would tell something else now are sent round too', async () => {
  const one = rig()
  const [told, other] = [one.table.create(login('told')), one.table.create(login('other'))]
  await one.connect(told)
  await one.connect(other)
  one.slots.negotiator.add({ name: 'zones', negotiate: () => ({ headers: [] }), outdated: ({ user }) => user === 'told' }, 'test')
  assert.is(one.table.round.begin(), 1)
  await one.plane.settled()
  assert.equal([told, other].map(({ state }) => state), ['waiting', 'tls'])
  assert.ok(told.history.some(({ text }) => text === 'its client comes back for [zones]'))
  assert.is(one.table.round.begin(), 0, 'who has no tunnel hears it with the next')
})

test('G29 a tunnel that ends because its client is sent round says so, whichever comes first, the report or the new tunnel', async () => {
  const one = rig()
  const [early, late] = [one.table.create(login('early')), one.table.create(login('late'))]
  await one.connect(early)
  await one.connect(late)
  one.configure({ dns: ['10.0.0.1'] })
  one.table.renewPolicies()
  assert.is(one.table.round.begin(), 2)
  await one.startTunnel(early)
  await one.plane.settled()
  const said = 'the gateway sent its client round for values that changed'
  for (const session of [early, late]) assert.equal([session.lastEnd?.reason, session.lastEnd?.text], ['sent-round', said], session.user)
  assert.equal(one.told.slice(-3), ['down early sent-round', 'down late sent-round', 'up early'].slice(-3))
  await one.connect(late)
  await one.connect(late)
  assert.is(late.lastEnd?.reason, 'superseded', 'the next one is pushed out by its successor again')
})

test.run()
