import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, type AuthBackend, type AuthStep } from '../../core/api.ts'
import { connectText, group, INIT, login, PasswordBackend, portFixture, replyTo, type TestAnswer } from './testing.ts'

const GROUPS = [group('default', 'Everybody'), group('staff', 'Staff')]
const init = (extra = '', access = 'https://vpn.example.com'): string =>
  `<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="init" aggregate-auth-version="2"><version who="vpn">v9.01-3</version><device-id>linux-64</device-id><group-access>${access}</group-access>${extra}</config-auth>`
const options = (answer: TestAnswer): string[] => [...answer.body.matchAll(/<option [^>]*>([^<]*)</g)].map((match) => match[1] ?? '')
const errorOf = (answer: TestAnswer): string | undefined => /<error id="88" param1="([^"]*)" param2="">%s<\/error>/.exec(answer.body)?.[1]
const good = { username: 'test', password: 'test123' }

test('G05 a wrong password shows its text over the same form, and the right one then logs in', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const again = await client.post('/', replyTo(form.body, { username: 'test', password: 'wrong' }))
  assert.is(again.status, 200)
  assert.is(errorOf(again), 'Login failed. Please check your user name and password.')
  assert.match(again.body, /name="password"/)
  const done = await client.post('/', replyTo(again.body, good))
  assert.match(done.body, /<auth id="success">/)
  assert.equal(fixture.audit.entries.map(({ action, ok, actor, peer }) => ({ action, ok, actor, peer })), [
    { action: 'login', ok: false, actor: 'test', peer: '192.0.2.1' },
    { action: 'login', ok: true, actor: 'test', peer: '192.0.2.1' },
  ])
  fixture.stop()
})
test('G05 the third wrong password ends the dialogue with a form that has no inputs', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  let form = await client.post('/', INIT)
  for (let round = 0; round < 3; round++) form = await client.post('/', replyTo(form.body, { username: 'test', password: 'wrong' }))
  assert.is(errorOf(form), 'Too many failed attempts. Please connect again.')
  assert.not.match(form.body, /<input/)
  assert.is(fixture.dialogues.size, 0)
  fixture.stop()
})
test('cisco-script: the empty user name that Cisco\'s client sends first is no failure', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const same = await client.post('/', replyTo(form.body, { username: '' }))
  assert.is(errorOf(same), undefined)
  assert.match(same.body, /name="username"/)
  assert.match((await client.post('/', replyTo(same.body, good))).body, /type="complete"/)
  assert.is(fixture.audit.entries.length, 1)
  fixture.stop()
})
test('G05 locked, full, too many sessions, unavailable and internal each have their own text', async () => {
  const text = async (user: string, failure?: Error, maxSessions = 0): Promise<TestAnswer> => {
    const fixture = portFixture({ maxSessions })
    const client = fixture.connect()
    if (failure) {
      await login(client)
      fixture.sessions.failure = { at: 'create', error: failure }
    }
    const form = await client.post('/', INIT)
    const answer = await client.post('/', replyTo(form.body, { username: user, password: 'test123' }))
    if (user === 'crash') assert.ok(fixture.log.lines.some((line) => line.includes('the secret cause') && line.includes(/number: ([0-9a-f]{8})/.exec(answer.body)?.[1] ?? 'none')))
    fixture.stop()
    return answer
  }
  assert.match(errorOf(await text('locked')) ?? '', /locked/)
  assert.match(errorOf(await text('test', new GatewayError('SESSION_LIMIT', 'x'))) ?? '', /too many sessions/)
  assert.match(errorOf(await text('test', new GatewayError('SESSION_LIMIT', 'x'), 1)) ?? '', /gateway is full/)
  assert.match(errorOf(await text('test', new GatewayError('STORE_FULL', 'x'))) ?? '', /not possible right now/)
  const internal = await text('crash')
  assert.match(errorOf(internal) ?? '', /Internal error.*[0-9a-f]{8}$/)
  assert.not.match(internal.body, /secret/)
})
test('G04 the pick list shows labels with the default first; the choice of a second init comes first', async () => {
  const fixture = portFixture({ groups: GROUPS })
  const client = fixture.connect()
  assert.equal(options(await client.post('/', init())), ['Everybody', 'Staff'])
  const chosen = await client.post('/', init('<group-select>staff</group-select>'))
  assert.equal(options(chosen), ['Staff', 'Everybody'])
  assert.match(chosen.body, /<option value="staff" selected="true">/)
  assert.is(fixture.dialogues.size, 1, 'the second init replaces the first')
  fixture.stop()
})
test('cisco-script G04 a group remembered from another gateway falls back to the default without a word', async () => {
  const fixture = portFixture({ groups: GROUPS })
  const form = await fixture.connect().post('/', init('<group-select>LAST CHOICE</group-select>'))
  assert.is(errorOf(form), undefined)
  assert.equal(options(form), ['Everybody', 'Staff'])
  fixture.stop()
})
test('G04 a group by URL has no list, its form goes back to it, and the session is in it', async () => {
  const fixture = portFixture({ groups: GROUPS, backends: [new PasswordBackend('local', 'test', 'test123', ['staff'])] })
  for (const [path, document] of [['/staff', init()], ['/', init('', 'https://vpn.example.com/staff')]] as const) {
    const client = fixture.connect()
    const form = await client.post(path, document)
    assert.equal(options(form), [])
    assert.match(form.body, /action="\/staff"/)
    await client.post('/staff', replyTo(form.body, good))
    assert.is(fixture.sessions.logins.at(-1)?.group, 'staff')
  }
  fixture.stop()
})
test('G04 the group of the auth-reply counts, by label too; who is no member is refused in place', async () => {
  const fixture = portFixture({ groups: GROUPS })
  const client = fixture.connect()
  const form = await client.post('/', init())
  const refused = await client.post('/', replyTo(form.body, good, '<group-select>Staff</group-select>'))
  assert.match(errorOf(refused) ?? '', /not a member/)
  assert.equal(options(refused), ['Staff', 'Everybody'])
  assert.is(fixture.sessions.list().length, 0)
  const done = await client.post('/', replyTo(refused.body, good, '<group-select>default</group-select>'))
  assert.match(done.body, /type="complete"/)
  assert.is(fixture.sessions.logins[0]?.group, 'default')
  fixture.stop()
})
test('G04 who chose nothing gets the own group, if its login asks for the same', async () => {
  const backends = [new PasswordBackend('local', 'test', 'test123', ['secret', 'staff']), new PasswordBackend('totp')]
  const fixture = portFixture({ groups: [...GROUPS, group('secret', 'Secret', [['local', 'totp']])], backends })
  await login(fixture.connect())
  assert.is(fixture.sessions.logins[0]?.group, 'staff', 'never the group with the stronger login')
  fixture.stop()
})
test('a changed group does not reset the count of failures', async () => {
  const fixture = portFixture({ groups: GROUPS })
  const client = fixture.connect()
  let form = await client.post('/', init())
  for (const select of ['staff', 'default', 'staff']) form = await client.post('/', replyTo(form.body, { username: 'test', password: 'x' }, `<group-select>${select}</group-select>`))
  assert.match(errorOf(form) ?? '', /Too many/)
  fixture.stop()
})
test('the state is found by opaque without a cookie and by cookie without opaque', async () => {
  const fixture = portFixture()
  const first = fixture.connect()
  const form = await first.post('/', INIT)
  assert.match((await fixture.connect().post('/', replyTo(form.body, good))).body, /type="complete"/)
  const client = fixture.connect()
  await client.post('/', INIT)
  assert.match((await client.post('/', replyTo('', good))).body, /type="complete"/)
  fixture.stop()
})
test('an opaque that was altered, used or has expired starts over with a word of why', async () => {
  const fixture = portFixture({ maxLoginTimeMs: 1000 })
  const stale = async (change: (form: string) => string | Promise<string>): Promise<void> => {
    const form = await fixture.connect().post('/', INIT)
    const answer = await fixture.connect().post('/', replyTo(await change(form.body), good))
    assert.is(errorOf(answer), 'The login took too long. Please try again.')
    assert.match(answer.body, /name="password"/)
  }
  await stale((form) => form.replace(/<aggauth-handle>./, '<aggauth-handle>g'))
  await stale(async (form) => {
    await fixture.connect().post('/', replyTo(form, good))
    return form
  })
  await stale((form) => {
    fixture.clock.time += 1001
    return form
  })
  fixture.stop()
})
test('six inits in a row leave one dialogue', async () => {
  const fixture = portFixture({ groups: GROUPS })
  const client = fixture.connect()
  for (let round = 0; round < 6; round++) assert.is((await client.post('/', init())).status, 200)
  assert.is(fixture.dialogues.size, 1)
  await login(client)
  assert.is(fixture.dialogues.size, 0)
  fixture.stop()
})
test('a second answer while the first is checked asks the back-end nothing', async () => {
  let release: (step: AuthStep) => void = () => undefined
  let asked = 0
  const slow: AuthBackend = {
    name: 'local',
    begin: () => ({
      kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }] },
      answer: () => {
        asked++
        return new Promise((done) => { release = done })
      },
    }),
  }
  const fixture = portFixture({ backends: [slow] })
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const first = client.post('/', replyTo(form.body, { username: 'a' }))
  await fixture.plane.settled()
  const second = await fixture.connect().post('/', replyTo(form.body, { username: 'b' }))
  assert.match(errorOf(second) ?? '', /still being checked/)
  assert.is(asked, 1)
  release({ kind: 'identity', identity: { user: 'a', groups: [], source: 'local' } })
  assert.match((await first).body, /type="complete"/)
  fixture.stop()
})
test('G06 the complete answer has banner, token, certificate hash, and the cookies in the form that clients read', async () => {
  const fixture = portFixture({ policy: { banner: 'Hello <you> & all' }, certificateSha1: 'CD'.repeat(20) })
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const done = await client.post('/', replyTo(form.body, good))
  const token = /<session-token>([^<]+)</.exec(done.body)?.[1]
  assert.match(done.body, /<banner>Hello &lt;you&gt; &amp; all<\/banner>/)
  assert.match(done.body, new RegExp(`<server-cert-hash>${'CD'.repeat(20)}</server-cert-hash>`))
  assert.equal(done.all('Set-Cookie'), [
    'webvpncontext=; expires=Thu, 01 Jan 1970 22:00:00 GMT; Path=/; Secure; HttpOnly',
    `webvpn=${token}; Path=/; Secure; HttpOnly; SameSite=Strict`,
    'webvpnc=; expires=Thu, 01 Jan 1970 22:00:00 GMT; Path=/; Secure; HttpOnly',
    `webvpnc=bu:/&p:t&iu:1/&sh:${'CD'.repeat(20)}; Path=/; Secure; HttpOnly`,
  ])
  assert.is(done.header('Connection'), 'Keep-Alive')
  fixture.stop()
})
test('what the client says of its device is in the session', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  await client.post('/', replyTo(form.body, good), { 'User-Agent': 'AnyConnect AppleSSLVPN_Darwin_ARM (iPhone) 5.1.11.347' })
  assert.equal(fixture.sessions.logins[0]?.device, { agent: 'AnyConnect AppleSSLVPN_Darwin_ARM (iPhone) 5.1.11.347', platform: 'win', hostname: 'PC', uniqueId: 'AB', mobile: true })
  fixture.stop()
})
test('G03 a logout by document or by GET ends the session; the cookie is dead afterwards', async () => {
  const fixture = portFixture()
  for (const by of ['xml', 'get'] as const) {
    const client = fixture.connect()
    const cookie = await login(client)
    const answer = by === 'xml'
      ? await client.post('/', `<?xml version="1.0"?><config-auth client="vpn" type="logout"><session-token>${cookie}</session-token></config-auth>`)
      : await client.request('GET', '/logout')
    assert.is(answer?.status, 200)
    assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 401)
  }
  assert.equal(fixture.sessions.ended.map(({ cause }) => cause), ['user', 'user'])
  assert.is(fixture.audit.entries.filter(({ action }) => action === 'logout').length, 2)
  const forged = await fixture.connect().post('/', '<config-auth client="vpn" type="logout"><session-token>x</session-token></config-auth>')
  assert.is(forged.status, 200)
  fixture.stop()
})
test('no login method is a clear text and a line in the log', async () => {
  const fixture = portFixture({ backends: [] })
  const answer = await fixture.connect().post('/', INIT)
  assert.match(errorOf(answer) ?? '', /not possible right now/)
  assert.ok(fixture.log.lines.some((line) => line.includes('no login method')))
  fixture.stop()
})
test('a challenge is a second form without group list, under its own id', async () => {
  const backend: AuthBackend = {
    name: 'local',
    begin: () => ({
      kind: 'form', form: { id: 'main', message: 'Name', fields: [{ kind: 'text', name: 'username', label: 'Name:' }] },
      answer: async () => ({
        kind: 'form', form: { id: 'challenge', message: 'Code', fields: [{ kind: 'password', name: 'answer', label: 'Code:' }] },
        answer: async (values) => values.get('answer') === '42' ? { kind: 'identity', identity: { user: 'test', groups: [], source: 'local' } } : { kind: 'refused', reason: 'wrong-credentials' },
      }),
    }),
  }
  const fixture = portFixture({ groups: GROUPS, backends: [backend] })
  const client = fixture.connect()
  const form = await client.post('/', init())
  const challenge = await client.post('/', replyTo(form.body, { username: 'test' }))
  assert.match(challenge.body, /<auth id="challenge">/)
  assert.equal(options(challenge), [])
  const wrong = await client.post('/', replyTo(challenge.body, { password: '41' }))
  assert.match(wrong.body, /<auth id="main">/)
  assert.match(errorOf(wrong) ?? '', /Login failed/)
  const next = await client.post('/', replyTo(wrong.body, { username: 'test' }))
  assert.match((await client.post('/', replyTo(next.body, { password: '42' }))).body, /type="complete"/)
  fixture.stop()
})
test('G27 "unavailable" is counted, not audited, and one line a second', async () => {
  const full: AuthBackend = {
    name: 'local',
    begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'password', name: 'password', label: '' }] }, answer: async () => ({ kind: 'refused', reason: 'unavailable', user: 'test' }) }),
  }
  const fixture = portFixture({ backends: [full] })
  const attempt = async (): Promise<void> => {
    const client = fixture.connect()
    const form = await client.post('/', INIT)
    assert.match(errorOf(await client.post('/', replyTo(form.body, { password: 'x' }))) ?? '', /not possible right now/)
  }
  for (let round = 0; round < 10; round++) await attempt()
  assert.equal(fixture.audit.entries, [])
  assert.is(fixture.counters.loginsRefused, 10)
  assert.is(fixture.log.lines.length, 1)
  fixture.clock.time += 1000
  await attempt()
  assert.match(fixture.log.lines[1] ?? '', /"suppressed":9/)
  fixture.stop()
})

test.run()
