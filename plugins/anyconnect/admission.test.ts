import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Admission } from '../../core/api.ts'
import { dialledNames } from './dialled-names.ts'
import { INIT, login, portFixture, replyTo, requestText } from './testing.ts'

test('G18 a rule of a plugin refuses a login after it is known who it is, in its own words, with audit and log', async () => {
  const fixture = portFixture()
  const asked: Admission[] = []
  const dispose = fixture.slots.admission.add({ name: 'never', refuse: (admission) => (asked.push(admission), { text: 'Not <here>', reason: 'wrong-name' }) }, 'test')
  fixture.slots.admission.add({ name: 'late', refuse: () => { throw new Error('the first refusal counts') } }, 'test')
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const wrong = await client.post('/', replyTo(form.body, { username: 'test', password: 'no' }))
  assert.is(asked.length, 0, 'who proved nothing is not asked about')
  const done = await client.post('/', replyTo(wrong.body, { username: 'test', password: 'test123' }))
  assert.match(done.body, '<error id="88" param1="Not &lt;here&gt;" param2="">%s</error>')
  assert.not.match(done.body, '<input')
  assert.equal(fixture.sessions.list(), [])
  const [admission] = asked
  assert.equal([admission?.group, admission?.identity.user, admission?.aggregate, admission?.agent], ['default', 'test', true, 'AnyConnect Windows 5.1.2.42'])
  assert.equal(admission?.dialled, ['vpn.example.com'])
  assert.match(fixture.audit.entries.map(({ ok, detail }) => `${ok} ${detail}`).join('\n'), 'false wrong-name, group default')
  assert.ok(fixture.log.lines.some((line) => line.includes('wrong-name')))
  assert.is(fixture.counters.collect().find(({ name }) => name === 'postern_anyconnect_logins_refused_total')?.value, 2)
  dispose()
  fixture.stop()
})

test('G19 the profile of a session stands in the manifest, for bare forms in the cookie; without one the manifest is empty', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const none = await client.post('/', replyTo(form.body, { username: 'test', password: 'test123' }))
  assert.match(none.body, '<vpn-profile-manifest><vpn rev="1.0"></vpn></vpn-profile-manifest>')
  fixture.slots.clientProfile.set({ profile: ({ group }) => ({ path: `/CACHE/stc/profiles/${group}.xml`, sha1: 'CD'.repeat(20) }) }, 'test')
  const next = await client.post('/', INIT)
  const done = await client.post('/', replyTo(next.body, { username: 'test', password: 'test123' }))
  assert.match(done.body, `<vpn-profile-manifest><vpn rev="1.0"><file type="profile" service-type="user"><uri>/CACHE/stc/profiles/default.xml</uri><hash type="sha1">${'CD'.repeat(20)}</hash></file></vpn></vpn-profile-manifest>`)
  assert.is(client.cookies.get('webvpnc'), `bu:/&p:t&iu:1/&sh:${'AB'.repeat(20)}`, 'iOS goes silent on more')
  const bare = fixture.connect()
  const page = await bare.raw(requestText('GET', '/'))
  assert.is(page?.status, 200)
  await bare.raw(requestText('POST', '/+webvpn+/index.html', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'username=test&password=test123'))
  assert.is(bare.cookies.get('webvpnc'), `bu:/&p:t&iu:1/&sh:${'AB'.repeat(20)}&fu:CACHE/stc/profiles/default.xml&fh:${'CD'.repeat(20)}`)
  assert.ok(await login(fixture.connect()))
  fixture.stop()
})

test('G18 the names by which a client dialled: each once, as hosts', () => {
  const names = (groupAccess: string | undefined, host: string | undefined, serverName?: string) =>
    dialledNames(groupAccess, { headers: new Map(host === undefined ? [] : [['host', [host]]]), connection: { serverName } } as unknown as Parameters<typeof dialledNames>[1])
  assert.equal(names('https://VPN.example.com:4443/staff', 'vpn.example.com.:4443', 'vpn.example.com'), ['vpn.example.com'])
  assert.equal(names('https://[fd77::1]/', '[fd77::1]:443'), ['fd77::1'])
  assert.equal(names(undefined, '10.66.0.1'), ['10.66.0.1'])
  assert.equal(names('no url', 'a b', '\0'), [])
  assert.equal(names('https://one.example', 'two.example', 'three.example'), ['one.example', 'two.example', 'three.example'])
})

test.run()
