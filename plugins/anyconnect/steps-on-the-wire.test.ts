import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthBackend, AuthForm, AuthStep, Identity, SecondCertificate } from '../../core/api.ts'
import { MAX_ANSWER } from './form-answers.ts'
import { connectText, group, INIT, PasswordBackend, portFixture, replyTo, requestText, type PortFixture, type TestAnswer, type TestClient } from './testing.ts'
import { certificate, CodeBackend, ListingGuard, multipleCertificate } from './testing-steps.ts'

const LEAF = new Uint8Array([0x30, 0x03])
const CERT_FAIL = INIT.replace('</config-auth>', '<client-cert-fail/></config-auth>')
const errorOf = (answer: TestAnswer | undefined): string | undefined => /<error id="88" param1="([^"]*)" param2="">%s<\/error>/.exec(answer?.body ?? '')?.[1]
const inputs = (answer: TestAnswer | undefined): string[] => [...(answer?.body ?? '').matchAll(/<input [^>]*name="([^"]*)"/g)].map((match) => match[1] ?? '')
const good = { username: 'test', password: 'test123' }
const chains = (...auth: readonly (readonly string[])[]) => [group('default', 'Default', auth)]
/** A form body with the cookies, and nothing else, of a client without aggregate authentication. */
const plain = (client: TestClient, path: string, body: Readonly<Record<string, string>>): Promise<TestAnswer | undefined> =>
  client.request('POST', path, { 'User-Agent': 'Open AnyConnect VPN Agent v9.01-3', 'Content-Type': 'application/x-www-form-urlencoded' }, new URLSearchParams(body).toString())
/** Asks these forms one after the other and keeps what came. */
const asking = (forms: readonly AuthForm['fields'][], heard: Record<string, string>[], identity: Partial<Identity> = {}): AuthBackend => {
  const step = (index: number): AuthStep => {
    const fields = forms[index]
    if (!fields) return { kind: 'identity', identity: { user: 'test', groups: [], source: 'local', ...identity } }
    return { kind: 'form', form: { id: index === 0 ? 'main' : 'challenge', message: '', fields }, answer: (answers) => {
      heard.push(Object.fromEntries(answers))
      return Promise.resolve(step(index + 1))
    } }
  }
  return { name: 'local', begin: () => step(0) }
}
const text = (name: string) => ({ kind: 'text', name, label: '' }) as const
const password = (name: string) => ({ kind: 'password', name, label: '' }) as const
const denials = (fixture: PortFixture): (string | undefined)[] => fixture.audit.entries.filter(({ ok }) => !ok).map(({ detail }) => detail)

test('G20 no certificate: asked for once; who has none gets the next way in, or the words that its client knows', async () => {
  for (const reply of [CERT_FAIL, INIT]) {
    const fixture = portFixture({ groups: chains(['certificate'], ['local']), backends: [certificate(), new PasswordBackend()] })
    const client = fixture.connect()
    const wanted = await client.post('/', INIT)
    assert.match(wanted.body, /<client-cert-request><\/client-cert-request>|<client-cert-request\/>/)
    assert.equal(inputs(await client.post('/', reply)), ['username', 'password'])
    assert.is(fixture.dialogues.size, 1)
    assert.equal(denials(fixture), [], 'to have none is no failure where there is another way')
    fixture.stop()
  }
  const fixture = portFixture({ groups: chains(['certificate']), backends: [certificate()] })
  const client = fixture.connect()
  await client.post('/', INIT)
  assert.is(errorOf(await client.post('/', CERT_FAIL)), 'Certificate Validation Failure')
  assert.equal(denials(fixture), ['certificate-refused, group default, step certificate: the client has none'])
  assert.is(fixture.dialogues.size, 0)
  fixture.stop()
})
test('G20 a certificate comes on a new connection and leads straight in; who shows it at once is not asked', async () => {
  const fixture = portFixture({ groups: [group('staff', 'Staff', [['certificate']])], backends: [certificate()] })
  const first = fixture.connect()
  await first.post('/', INIT)
  const second = fixture.connect({ peerCertificates: [LEAF] })
  for (const [name, value] of first.cookies) second.cookies.set(name, value)
  assert.match((await second.post('/', INIT)).body, /type="complete"/)
  assert.match((await fixture.connect({ peerCertificates: [LEAF] }).post('/', INIT)).body, /type="complete"/)
  fixture.stop()
})
test('G20 a certificate that is refused is not asked for again, and the password of the next way follows', async () => {
  const refusing = certificate({ kind: 'refused', reason: 'certificate-refused', user: 'test', detail: 'revoked since 2026-01-01' })
  const both = portFixture({ groups: chains(['certificate'], ['local']), backends: [refusing, new PasswordBackend()] })
  assert.equal(inputs(await both.connect({ peerCertificates: [LEAF] }).post('/', INIT)), ['username', 'password'])
  assert.ok(both.log.lines.some((line) => line.includes('login step not taken') && line.includes('revoked since')))
  both.stop()
  const alone = portFixture({ groups: chains(['certificate']), backends: [refusing] })
  const client = alone.connect({ peerCertificates: [LEAF] })
  for (const body of [INIT, CERT_FAIL, INIT]) assert.is(errorOf(await client.post('/', body)), 'Certificate Validation Failure')
  alone.stop()
})
test('G20 G03 a client without aggregate authentication cannot be asked for a certificate and gets the next way at once', async () => {
  const fixture = portFixture({ groups: chains(['certificate'], ['local']), backends: [certificate(), new PasswordBackend()] })
  const client = fixture.connect()
  const form = await client.request('GET', '/', { 'User-Agent': 'Open AnyConnect VPN Agent v9.01-3' })
  assert.equal(inputs(form), ['username', 'password'])
  assert.match((await plain(client, '/', good))?.body ?? '', /<auth id="success">/)
  fixture.stop()
})
test('G20 a second certificate signs the bytes of the document it was asked for with; each document counts once, at its own dialogue', async () => {
  const heard: (SecondCertificate | undefined)[] = []
  const fixture = portFixture({ groups: chains(['multiple-certificate']), backends: [multipleCertificate(heard)] })
  const client = fixture.connect({ peerCertificates: [LEAF] })
  const reply = (challenge: TestAnswer, second: string): string => replyTo(challenge.body, {}).replace('<auth></auth>', `<auth><client-cert-chain cert-store="1M"><client-cert-sent-via-protocol/></client-cert-chain>${second}</auth>`)
  const second = (text: string, hash = 'sha512', format = 'pkcs7'): string =>
    `<client-cert-chain cert-store="1U"><client-cert cert-format="${format}">${text}</client-cert><client-cert-auth-signature hash-algorithm-chosen="${hash}">\nc2lnbmF0\ndXJl\n</client-cert-auth-signature></client-cert-chain>`
  const good = second(Buffer.from('second').toString('base64'))
  const challenge = await client.post('/', INIT)
  assert.match(challenge.body, /<opaque is-for="sg">.*<multiple-client-cert-request><hash-algorithm>sha256<\/hash-algorithm><hash-algorithm>sha512<\/hash-algorithm><\/multiple-client-cert-request><random>[0-9a-f]{64}<\/random><cert-authenticated><\/cert-authenticated><\/config-auth>\n$/)
  const again = await fixture.connect({ peerCertificates: [LEAF] }).post('/', INIT)
  assert.is.not(/<random>(.*)<\/random>/.exec(again.body)?.[1], /<random>(.*)<\/random>/.exec(challenge.body)?.[1])
  assert.match((await client.post('/', reply(challenge, good))).body, /type="complete"/)
  assert.equal(heard, [{ certificates: Buffer.from('second'), hash: 'sha512', signature: Buffer.from('signature'), signed: Buffer.from(challenge.body) }])
  const late = await client.post('/', reply(challenge, good))
  assert.match(late.body, /<random>/, 'the answer to a login that is over begins another')
  assert.is(heard.length, 1)
  const cases = [second('', 'sha512'), second('c2Vjb25k', 'x'.repeat(99), 'pem'), second('*'), second('b3RoZXI=').replace('c2ln', 'A'.repeat(2800)), '<client-cert-chain/>', '']
  for (const wrong of cases) assert.is(errorOf(await client.post('/', reply(await client.post('/', INIT), wrong))), 'Certificate Validation Failure')
  assert.equal(heard.slice(1).map((one) => one && [one.certificates.length, one.hash.length, one.signature.length]), [[0, 6, 9], [0, 16, 9], [0, 6, 9], [5, 6, 0], undefined, undefined])
  assert.is(fixture.dialogues.size, 1)
  fixture.stop()
})
test('G20 the name of a certificate is not asked for, by no dialect', async () => {
  const fixture = portFixture({ groups: [group('staff', 'Staff', [['certificate', 'local']])], backends: [certificate(), new PasswordBackend()] })
  const client = fixture.connect({ peerCertificates: [LEAF] })
  const form = await client.post('/', INIT)
  assert.equal(inputs(form), ['password'])
  assert.match((await client.post('/', replyTo(form.body, { password: 'test123' }))).body, /type="complete"/)
  const other = fixture.connect({ peerCertificates: [LEAF] })
  await other.request('GET', '/', { 'User-Agent': 'Open AnyConnect VPN Agent v9.01-3' })
  assert.match((await plain(other, '/', { username: 'mallory', password: 'test123' }))?.body ?? '', /<auth id="success">/)
  assert.equal(fixture.sessions.logins.map(({ identity }) => [identity.user, identity.source]), [['test', 'certificate+local'], ['test', 'certificate+local']])
  fixture.stop()
})

test('G03 several rounds in both dialects: state in the opaque, or in the cookie alone', async () => {
  for (const dialect of ['aggregate', 'plain'] as const) {
    const fixture = portFixture({ groups: chains(['local', 'totp']), backends: [new PasswordBackend(), new CodeBackend()] })
    const client = fixture.connect()
    const send = async (form: TestAnswer | undefined, values: Readonly<Record<string, string>>): Promise<TestAnswer | undefined> =>
      dialect === 'plain' ? plain(client, '/', values) : client.post('/', replyTo(form?.body ?? '', values))
    let form = dialect === 'plain' ? await client.request('GET', '/', { 'User-Agent': 'Open AnyConnect VPN Agent v9.01-3' }) : await client.post('/', INIT)
    for (const [word, code, last] of [['wrong', '42', false], ['test123', '41', false], ['test123', '42', true]] as const) {
      const challenge = await send(form, { username: 'test', password: word })
      assert.match(challenge?.body ?? '', /<auth id="challenge">/)
      assert.is(errorOf(challenge), undefined)
      // XML clients rename the input, forms do not.
      form = await send(challenge, dialect === 'plain' ? { answer: code } : { password: code })
      assert.is(errorOf(form), last ? undefined : 'Login failed. Please check your user name and password.')
    }
    assert.match(form?.body ?? '', /<auth id="success">/)
    assert.equal(denials(fixture), ['wrong-credentials, group default, step local', 'wrong-credentials, group default, step totp'])
    fixture.stop()
  }
})
test('G03 a new password comes back under the name of the old one, and by its own in a form body', async () => {
  for (const name of ['password', 'new_password']) {
    const heard: Record<string, string>[] = []
    const fixture = portFixture({ backends: [asking([[text('username'), password('password')], [password('new_password')]], heard)] })
    const client = fixture.connect()
    const form = await client.post('/', INIT)
    const change = await client.post('/', replyTo(form.body, good))
    assert.equal(inputs(change), ['new_password'])
    const done = name === 'password' ? await client.post('/', replyTo(change.body, { password: 'n3w' })) : await plain(client, '/', { new_password: 'n3w' })
    assert.match(done?.body ?? '', /id="success"/)
    assert.equal(heard, [good, { new_password: 'n3w' }])
    fixture.stop()
  }
})
test('a form that clients would return under one name is an error of the gateway, not a login', async () => {
  const fixture = portFixture({ backends: [asking([[password('password'), password('new_password')]], [])] })
  assert.match(errorOf(await fixture.connect().post('/', INIT)) ?? '', /^Internal error/)
  assert.ok(fixture.log.lines.some((line) => line.includes('password and new_password under one name')))
  fixture.stop()
})
test('hidden fields are what the gateway wrote, whatever comes back; extra fields and another order change nothing', async () => {
  const heard: Record<string, string>[] = []
  const fixture = portFixture({ backends: [asking([[text('username'), { kind: 'hidden', name: 'state', label: '', value: 's1' }, password('password')]], heard)] })
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const done = await client.post('/', replyTo(form.body, { password: 'p', state: 'forged', group: 'x', extra: 'y', username: 'test' }))
  assert.match(done.body, /type="complete"/)
  assert.equal(heard, [{ state: 's1', password: 'p', username: 'test' }])
  fixture.stop()
})
test('what is missing is asked for again with its hidden fields; a huge value is as if it were missing', async () => {
  for (const dialect of ['aggregate', 'plain'] as const) {
    const heard: Record<string, string>[] = []
    const fixture = portFixture({ backends: [asking([[text('username'), { kind: 'hidden', name: 'state', label: '', value: 's1' }, password('password')]], heard)] })
    const client = fixture.connect()
    const form = await client.post('/', INIT)
    const send = (values: Readonly<Record<string, string>>): Promise<TestAnswer | undefined> => dialect === 'plain' ? plain(client, '/', values) : client.post('/', replyTo(form.body, values))
    assert.equal(inputs(await send({ username: 'test' })), ['state', 'password'])
    assert.equal(inputs(await send({ password: 'x'.repeat(MAX_ANSWER + 1) })), ['state', 'password'])
    assert.equal(heard, [])
    assert.match((await send({ password: 'x'.repeat(MAX_ANSWER) }))?.body ?? '', /id="success"/)
    assert.is(heard[0]?.username, 'test')
    fixture.stop()
  }
})
test('two dialogues mixed: the opaque counts, the other one stays where it was', async () => {
  const fixture = portFixture({ groups: chains(['local', 'totp']), backends: [new PasswordBackend(), new CodeBackend()] })
  const [one, other] = [fixture.connect(), fixture.connect()]
  const form = await one.post('/', INIT)
  const second = await other.post('/', replyTo((await other.post('/', INIT)).body, good))
  assert.equal(inputs(second), ['answer'])
  // The cookie of one, the opaque of the other: the code goes to the other's second step.
  assert.match((await one.post('/', replyTo(second.body, { password: '42' }))).body, /type="complete"/)
  assert.equal(inputs(await one.post('/', replyTo(form.body, good))), ['answer'], 'a name and a password still begin the first')
  const stolen = await fixture.connect().post('/', replyTo(form.body.replace(/<aggauth-handle>[0-9a-f]{8}/, '<aggauth-handle>00000000'), { password: '42' }))
  assert.is(errorOf(stolen), 'The login took too long. Please try again.')
  fixture.stop()
})
test('the answer of a later step to the first form, and the other way round, asks the back-ends nothing', async () => {
  const [local, code] = [new PasswordBackend(), new CodeBackend()]
  const fixture = portFixture({ groups: chains(['local', 'totp']), backends: [local, code] })
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  assert.equal(inputs(await client.post('/', replyTo(form.body, { answer: '42' }))), ['username', 'password'])
  assert.is(local.asked, 0)
  const challenge = await client.post('/', replyTo(form.body, good))
  assert.equal(inputs(await client.post('/', replyTo(challenge.body, { username: 'test' }))), ['answer'])
  fixture.stop()
})

test('a group that the back-end decides overrides the choice; one that is not here, or asks for another login, is refused and named to the administrator', async () => {
  const GROUPS = [group('default', 'Everybody'), group('staff', 'Staff'), group('admins', 'Admins', [['local', 'totp']])]
  const decided = async (groups: readonly string[]): Promise<readonly [string | undefined, string | undefined]> => {
    const fixture = portFixture({ groups: GROUPS, backends: [asking([[text('username')]], [], { groups, groupsDecide: true, source: 'radius' }), new CodeBackend()] })
    const client = fixture.connect()
    const form = await client.post('/', INIT.replace('</config-auth>', '<group-select>default</group-select></config-auth>'))
    await client.post('/', replyTo(form.body, { username: 'test' }, '<group-select>default</group-select>'))
    fixture.stop()
    return [fixture.sessions.logins[0]?.group, denials(fixture)[0]]
  }
  assert.equal(await decided(['elsewhere', 'staff', 'default']), ['staff', undefined])
  assert.equal(await decided(['default']), ['default', undefined])
  assert.equal(await decided(['elsewhere']), [undefined, 'not-in-group, group default: radius says elsewhere, which is none here'])
  assert.equal(await decided([]), [undefined, 'not-in-group, group default: radius says no group, which is none here'])
  assert.equal(await decided(['admins']), [undefined, 'not-in-group, group default: radius says admins, whose auth does not have local'], 'never into a group with a stronger login')
})
test('G05 the text of a guard is shown; its refusals are in the audit once a second, and a resumed tunnel never meets it', async () => {
  const guard = new ListingGuard()
  const fixture = portFixture()
  fixture.slots.loginGuard.add(guard, 'test')
  const client = fixture.connect()
  const done = await client.post('/', replyTo((await client.post('/', INIT)).body, good))
  const cookie = /<session-token>([^<]+)</.exec(done.body)?.[1] ?? ''
  guard.refusal = { reason: 'banned', text: 'Too many failed attempts from your network. Try again in 12 minutes.' }
  for (let round = 0; round < 3; round++) {
    const other = fixture.connect()
    assert.is(errorOf(await other.post('/', replyTo((await other.post('/', INIT)).body, good))), guard.refusal.text)
  }
  assert.equal(denials(fixture), ['banned, group default, step guard'])
  assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  assert.equal(guard.heard, ['admit test', 'succeeded test', 'admit test', 'admit test', 'admit test'])
  const holder = fixture.connect()
  holder.cookies.set('webvpn', cookie)
  await holder.post('/', replyTo((await holder.post('/', INIT)).body, good))
  assert.ok(guard.attempts.at(-1)?.trusted, 'who holds the cookie of a session')
  fixture.stop()
})
test('metrics: logins by chain, refusals by step and reason, in bounded rows', async () => {
  const fixture = portFixture({ groups: chains(['local', 'totp']), backends: [new PasswordBackend(), new CodeBackend()] })
  const client = fixture.connect()
  let form = await client.post('/', INIT)
  for (const [word, code] of [['x', '42'], ['test123', '42']] as const) form = await client.post('/', replyTo((await client.post('/', replyTo(form.body, { username: 'test', password: word }))).body, { password: code }))
  const rows = () => fixture.counters.collect().flatMap(({ name, labels, value }) => (labels ? [[name.replace('postern_anyconnect_', ''), labels, value]] : []))
  assert.equal(rows(), [['logins_by_chain_total', { chain: 'local+totp' }, 1], ['logins_refused_by_step_total', { step: 'local', reason: 'wrong-credentials' }, 1]])
  for (let index = 0; index < 1000; index++) fixture.counters.refused('x', String(index))
  assert.ok(rows().length < 210)
  assert.is(fixture.counters.loginsRefused, 1001)
  fixture.stop()
})
test('who leaves between two steps is in the audit when its time is up', async () => {
  const fixture = portFixture({ groups: chains(['local', 'totp']), backends: [new PasswordBackend(), new CodeBackend()], maxLoginTimeMs: 1000 })
  const client = fixture.connect()
  await client.post('/', replyTo((await client.post('/', INIT)).body, good))
  assert.equal(denials(fixture), [])
  fixture.clock.time += 1001
  await fixture.connect().raw(requestText('POST', '/', { 'X-Aggregate-Auth': '1' }, INIT))
  assert.equal(denials(fixture), ['wrong-credentials, group default, step totp: the client did not go on'])
  fixture.stop()
})

test.run()
