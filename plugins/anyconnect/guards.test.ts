import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LoginAttempt, LoginGuard } from '../../core/api.ts'
import { Dialogue } from './dialogue.ts'
import { LoginPlaces, PLACE_LIMITS } from './login-places.ts'
import { connectText, group, INIT, login, loginContext, PasswordBackend, portFixture, replyTo, requestText, type TestAnswer, type TestClient } from './testing.ts'
import { certificate } from './testing-steps.ts'

const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

test('G27 a client with a cookie gets its tunnel while every login is held back: CONNECT asks no guard and waits behind none', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const asked: LoginAttempt[] = []
  const release: (() => void)[] = []
  fixture.slots.loginGuard.add({
    name: 'wall', failed: () => undefined, succeeded: () => undefined,
    admit: (attempt) => (asked.push(attempt), new Promise((done) => release.push(() => done({ reason: 'banned', text: 'Not today' })))),
  }, 'test')
  const held = []
  for (let index = 0; index < 50; index++) {
    const client = fixture.connect()
    const form = await client.post('/', INIT)
    held.push(client.post('/', replyTo(form.body, { username: `user${index}`, password: 'guess' })))
  }
  while (asked.length < 50) await turn()
  assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  assert.is(asked.length, 50, 'the tunnel was no attempt')
  assert.ok(asked.every(({ connected, trusted }) => connected?.() === true && !trusted))
  for (const one of release) one()
  for (const answer of await Promise.all(held)) assert.match(answer.body, 'param1="Not today"')
  fixture.stop()
})

test('G27 an answer that found no place is asked about again when it comes again', async () => {
  const places = new LoginPlaces()
  const leave = Array.from({ length: PLACE_LIMITS.perUserAndNetwork }, () => places.enter('test', '192.0.2.1', false))
  let asked = 0
  const guard = { name: 'count', failed: () => undefined, succeeded: () => undefined, admit: () => (asked++, Promise.resolve(undefined)) }
  const dialogue = new Dialogue({ alternatives: [{ names: ['local'], steps: [new PasswordBackend()] }], context: loginContext('192.0.2.1'), guards: [guard], places })
  await dialogue.begin()
  const answer = new Map([['username', 'test'], ['password', 'test123']])
  assert.is((await dialogue.answer(answer)).kind, 'busy')
  leave[0]?.()
  assert.is((await dialogue.answer(answer)).kind, 'identity')
  assert.is(asked, 2)
})

/** Bars everybody, and would turn away each answer. */
const BARRED: LoginGuard = {
  name: 'wall', failed: () => undefined, succeeded: () => undefined,
  barred: () => ({ text: 'Not from here. Try again in 2 minutes.', retryAfterSec: 120 }), admit: async ({ trusted }) => (trusted ? undefined : { reason: 'banned', text: 'Not from here.' }),
}
const HTML = { Accept: 'text/html', 'User-Agent': 'Mozilla/5.0' }

test('G27 where nobody can log in, every way to a form is 403 with why, for a while', async () => {
  const fixture = portFixture({ groups: [group('default', 'Default', [['local']]), group('device', 'Device', [['certificate'], ['local']])], backends: [certificate(), new PasswordBackend()] })
  let begins = true
  fixture.slots.httpRoute.add({ methods: ['GET'], path: '/enrol', beginsLogin: () => begins, handle: () => ({ status: 200, headers: [], body: 'form' }) }, 'test')
  fixture.slots.httpRoute.add({ methods: ['GET'], path: '/metadata', handle: () => ({ status: 200, headers: [], body: 'metadata' }) }, 'test')
  const before = fixture.connect()
  let open = true
  fixture.slots.loginGuard.add({ ...BARRED, barred: (peer) => (open ? undefined : BARRED.barred?.(peer)) }, 'test')
  const form = await before.post('/', INIT)
  open = false
  const asks: readonly ((client: TestClient) => Promise<TestAnswer | undefined>)[] = [
    (client) => client.post('/', INIT), (client) => client.request('GET', '/', { 'User-Agent': 'Open AnyConnect VPN Agent v9.01-3' }), (client) => client.request('GET', '/', HTML),
    (client) => client.request('GET', '/enrol'), (client) => client.request('GET', '/default', HTML),
    (client) => client.request('POST', '/', { 'User-Agent': 'Open AnyConnect VPN Agent v9.01-3' }, 'username=test&password=test123'),
  ]
  for (const ask of asks) {
    const answer = await ask(fixture.connect())
    assert.is(answer?.statusLine, 'HTTP/1.1 403 Not from here. Try again in 2 minutes.')
    assert.is(answer?.header('Retry-After'), '120')
    assert.is(answer?.header('X-Transcend-Version'), '1')
    assert.match(answer?.body ?? '', 'Not from here. Try again in 2 minutes.')
    assert.not.match(answer?.body ?? '', /<input|name="password"/)
  }
  const head = fixture.connect()
  head.wire.write(requestText('HEAD', '/'))
  await fixture.plane.settled()
  assert.match(head.wire.received().toString(), /^HTTP\/1\.1 403 [^]*\r\n\r\n$/)
  assert.is(fixture.dialogues.size, 1, 'the one of before')
  begins = false
  for (const path of ['/enrol', '/metadata', '/1/Windows']) assert.is((await fixture.connect().request('GET', path))?.status, 200, path)
  assert.match((await before.post('/', replyTo(form.body, { username: 'test', password: 'test123' }))).body, 'param1="Not from here."', 'a form that was shown before is turned away in the client')
  assert.equal(fixture.audit.entries.map(({ detail }) => detail), ['banned, group default, step wall'], 'one a second')
  fixture.stop()
})

test('G27 who holds a cookie, or a certificate that was accepted, passes where nobody else can log in', async () => {
  const groups = [group('default', 'Default', [['local']]), group('device', 'Device', [['certificate', 'local'], ['local']])]
  const backends = [certificate({ kind: 'identity', identity: { user: 'test', groups: ['device'], source: 'certificate' } }), new PasswordBackend('local', 'test', 'test123', ['default', 'device'])]
  const fixture = portFixture({ groups, backends })
  const session = fixture.connect()
  await login(session)
  fixture.slots.loginGuard.add(BARRED, 'test')
  const again = fixture.connect()
  again.cookies.set('webvpn', session.cookies.get('webvpn') ?? '')
  assert.is((await again.request('GET', '/', HTML))?.status, 200)
  assert.match(await login(again), /./)
  const peerCertificates = [new Uint8Array([0x30, 0x03])]
  assert.match((await fixture.connect().post('/device', INIT)).body, /client-cert-request/, 'who may have one is asked')
  const device = fixture.connect({ peerCertificates })
  const form = await device.post('/device', INIT)
  assert.match((await device.post('/device', replyTo(form.body, { password: 'test123' }))).body, /type="complete"/)
  fixture.stop()
  const refused = portFixture({ groups, backends: [certificate({ kind: 'refused', reason: 'certificate-refused' }), new PasswordBackend()] })
  refused.slots.loginGuard.add(BARRED, 'test')
  assert.is((await refused.connect({ peerCertificates }).post('/device', INIT)).status, 403, 'one that was not accepted')
  refused.stop()
})

test.run()
