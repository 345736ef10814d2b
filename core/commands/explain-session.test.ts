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

test.run()
