import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { login, rigs } from '../session/testing.ts'
import { explainSession, type ExplainedInSession } from './explain-session.ts'

const test = suite('explain a session')
const rig = rigs(test)

test('G29 what is in force in a session, and what the client has to come again for', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  assert.match(explainSession(session).text ?? '', /all of it as a login of now would get it/)
  one.configure({ dpdSec: 10, dns: ['10.0.0.1'], pool: 'other' })
  one.table.renewPolicies()
  const { data, text } = explainSession(session)
  const of = (key: string) => (data as readonly ExplainedInSession[]).find((entry) => entry.key === key)
  assert.equal(of('dpd'), { key: 'dpd', value: '10s', origin: '[policy]' })
  assert.equal(of('dns'), { key: 'dns', value: [], origin: '[policy]', next: { value: ['10.0.0.1'], origin: '[policy]', with: 'reconnect' } })
  assert.is(of('pool')?.next?.with, 'login')
  assert.match(text ?? '', /with the next CONNECT: dns = \["10\.0\.0\.1"\] \(\[policy\]\)/)
  await one.connect(session)
  assert.is((explainSession(session).data as readonly ExplainedInSession[]).find(({ key }) => key === 'dns')?.next, undefined)
})

test('clients that have to be told are sent round a few at a time, and only while they need it', async () => {
  const one = rig()
  const sessions = Array.from({ length: 12 }, (_, at) => one.table.create(login(`u${at}`)))
  for (const session of sessions) await one.connect(session)
  one.configure({ dpdSec: 10 })
  one.table.renewPolicies()
  assert.is(one.table.reconnectOutdated(), 0, 'nothing that a client has to be told')
  one.configure({ dns: ['10.0.0.1'] })
  one.table.renewPolicies()
  const up = (): number => sessions.filter(({ state }) => state !== 'waiting').length
  assert.is(one.table.reconnectOutdated(), 12)
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

test.run()
