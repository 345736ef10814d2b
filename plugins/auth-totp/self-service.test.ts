import { Secret } from 'otpauth'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthBackend, AuthStep, HttpAnswer, HttpRequest, LoginAttempt, LoginGuard } from '../../core/api.ts'
import { checkConfig } from '../../core/config/load.ts'
import { Allowance } from './allowance.ts'
import { PAGE_CSP } from './enrolment-page.ts'
import { passwordSteps } from './password-proof.ts'
import { PENDING_LIMIT, PENDING_MS, PendingEnrolments } from './pending-enrolments.ts'
import { Enrolling } from './enrolling.ts'
import { FORM_BYTES, SelfService } from './self-service.ts'
import { totpFixture } from './testing.ts'
import { codeOf, stepAt } from './totp-code.ts'

const PASSWORD = 'correct horse'
const local: AuthBackend = {
  name: 'local',
  begin: () => ({
    kind: 'form',
    form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }, { kind: 'password', name: 'password', label: '' }] },
    answer: async (values): Promise<AuthStep> => (values.get('password') === PASSWORD ? { kind: 'identity', identity: { user: values.get('username') ?? '', groups: [], source: 'local' } } : { kind: 'refused', reason: 'wrong-credentials' }),
  }),
}

function fixture(settings = {}, { auth = '[["local", "totp"]]', tries = 20 } = {}) {
  const totp = totpFixture(settings)
  const { core } = checkConfig(Buffer.from(`[pool.default]\nipv4 = "10.20.0.0/24"\n[group.staff]\nauth = ${auth}\n`), '/x.toml', [])
  const told: string[] = []
  const guard: LoginGuard = {
    name: 'guard',
    admit: async (attempt: LoginAttempt) => (attempt.user === 'banned' ? { reason: 'banned', text: 'Go away.' } : undefined),
    failed: (attempt) => void told.push(`failed ${attempt.user}`),
    succeeded: () => undefined,
  }
  const page = new SelfService({ ...totp, core, backends: () => [local], guards: () => [guard], pending: new PendingEnrolments(totp.clock), allowance: new Allowance(totp.clock, tries, 60_000) })
  const ask = async (method: string, form: Record<string, string> = {}, headers: Record<string, string> = { origin: 'https://vpn.example.com' }): Promise<HttpAnswer> => {
    const all = new Map(Object.entries({ host: 'vpn.example.com', ...headers }).map(([name, value]) => [name, [value]]))
    const request = { method, target: '/totp', path: '/totp', headers: all, body: Buffer.from(new URLSearchParams(form).toString()), connection: { peer: { address: '198.51.100.7', port: 1 } }, connected: () => true }
    return page.handle(request as unknown as HttpRequest)
  }
  return { ...totp, ask, told, core }
}
const bodyOf = ({ body }: HttpAnswer): string => String(body)

test('G22 a user with a password sets up a second factor in a browser', async () => {
  const { ask, table, clock, entries } = fixture()
  const first = await ask('GET')
  assert.is(first.status, 200)
  assert.match(bodyOf(first), /<form method="post" action="\/totp"/)
  const key = bodyOf(await ask('POST', { username: ' Carol ', password: PASSWORD }))
  const handle = /name="handle" value="([0-9a-f]{64})"/.exec(key)?.[1] ?? ''
  const secret = /secret=([A-Z2-7]{32})&amp;issuer=vpn\.example\.com"/.exec(key)?.[1] ?? ''
  assert.match(key, /<svg /)
  assert.is(table.get('carol'), undefined, 'nothing counts before the first code')
  const wrong = bodyOf(await ask('POST', { handle, code: '12' }))
  assert.match(wrong, /not the code of this key/)
  assert.match(wrong, new RegExp(secret))
  const done = bodyOf(await ask('POST', { handle, code: codeOf(Secret.fromBase32(secret).bytes, stepAt(clock.now())) }))
  assert.is([...done.matchAll(/<li>[2-9A-Z-]{14}<\/li>/g)].length, 10)
  assert.is(table.get('carol')?.user, 'Carol')
  assert.match(bodyOf(await ask('POST', { handle, code: '000000' })), /took too long/, 'the handle is used up')
  assert.equal(entries.map(({ actor, peer, detail }) => [actor, peer, detail]), [['Carol', '198.51.100.7', 'enrolled']])
})

test('a right password of an enrolled user and a wrong one get the same page, and count as failures', async () => {
  const { ask, table, told } = fixture()
  table.enrol('dora', Buffer.alloc(20), 0, 0, [])
  const [enrolled, wrong] = [await ask('POST', { username: 'dora', password: PASSWORD }), await ask('POST', { username: 'dora', password: 'x' })]
  assert.equal(enrolled, wrong)
  assert.match(bodyOf(wrong), /role="alert"/)
  assert.equal(told, ['failed dora', 'failed dora'])
})

test('passwords are bounded by network, and by the guards of logins', async () => {
  const { ask, clock } = fixture({}, { tries: 3 })
  assert.match(bodyOf(await ask('POST', { username: 'banned', password: PASSWORD })), /Go away\./)
  for (let i = 0; i < 3; i++) assert.is((await ask('POST', { username: 'carol', password: 'x' })).status, 200)
  assert.is((await ask('POST', { username: 'carol', password: PASSWORD })).status, 429)
  clock.advance(60_000)
  assert.match(bodyOf(await ask('POST', { username: 'carol', password: PASSWORD })), /<svg /)
})

test('forms of other pages, and those that are too long, are refused', async () => {
  const { ask } = fixture()
  const form = { username: 'carol', password: PASSWORD }
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: 'http://vpn.example.com' }, { 'sec-fetch-site': 'cross-site' }]) {
    assert.is((await ask('POST', form, headers)).status, 403)
  }
  assert.is((await ask('POST', { ...form, more: 'x'.repeat(FORM_BYTES) })).status, 403)
  assert.is((await ask('POST', form, { origin: 'https://vpn.example.com', 'sec-fetch-site': 'same-origin' })).status, 200)
})

test('the page is strict about itself and is not kept', async () => {
  const { ask } = fixture()
  const headers = new Map((await ask('GET')).headers)
  assert.is(headers.get('Content-Security-Policy'), PAGE_CSP)
  assert.match(PAGE_CSP, /^default-src 'none'; style-src 'sha256-/)
  assert.equal([headers.get('Cache-Control'), headers.get('X-Frame-Options')], ['no-store', 'DENY'])
  assert.not.match(bodyOf(await ask('POST', { username: '"><script>', password: 'x' })), /<script/)
})

test('there is no page where nobody may enrol, or no password comes right before a code', async () => {
  assert.is((await fixture({ enrol: 'admin' }).ask('GET')).status, 404)
  for (const auth of ['[["local"]]', '[["certificate", "local", "totp"]]', '[["saml", "totp"]]']) assert.is((await fixture({}, { auth }).ask('GET')).status, 404, auth)
  const { core } = fixture({}, { auth: '[["radius", "totp"], ["local", "totp"]]' })
  assert.equal(passwordSteps(core, [local]).map(({ backend, group }) => [backend.name, group]), [['local', 'staff']])
})

test('what the page waits for is bounded in number and time, one for each user', () => {
  const totp = totpFixture()
  const pending = new PendingEnrolments(totp.clock)
  const add = (user: string): string => pending.add(new Enrolling(user, '', totp))
  const [old, same] = [add('carol'), add('CAROL')]
  assert.is(pending.get(old), undefined)
  assert.ok(pending.get(same))
  const handles = Array.from({ length: PENDING_LIMIT }, (_, index) => add(`user${index}`))
  assert.is(pending.get(same), undefined)
  assert.ok(pending.get(handles[0]!))
  totp.clock.advance(PENDING_MS)
  assert.is(pending.get(handles[1]!), undefined)
})

test.run()
