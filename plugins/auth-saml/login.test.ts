import { createDecipheriv, createVerify, diffieHellman, createPublicKey, generateKeyPairSync, hkdfSync, X509Certificate } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AUDIT, CLOCK, CONFIG, HEALTH, SESSIONS, STORE, type AuthBackend, type Clock, type GatewayConfig, type GroupConfig, type Health } from '../../core/api.ts'
import { PluginHost } from '../../core/host.ts'
import { SqliteStore } from '../../core/store/sqlite-store.ts'
import { TestLog, testDirectory } from '../../core/testing.ts'
import { group, INIT, portFixture, replyTo, type TestClient } from '../anyconnect/testing.ts'
import { AuthSamlConfig } from './config.ts'
import plugin from './index.ts'
import { base64, TestIdp, type Responding } from './testing.ts'

/** What of samlp is used here; it brings no types. */
interface Samlp {
  auth(options: {
    readonly issuer: string
    readonly cert: string
    readonly key: string
    readonly signResponse: boolean
    readonly destination: string
    readonly recipient: string
    getPostURL(audience: unknown, request: unknown, from: unknown, done: (error: undefined, url: string) => void): void
    responseHandler(response: Buffer, options: unknown, from: unknown, answer: { take(response: Buffer): void }): void
  }): (from: object, answer: { take(response: Buffer): void }, next: (error: unknown) => void) => void
}
const samlp = createRequire(import.meta.url)('samlp') as Samlp

const health: Health = { raise: () => undefined, clear: () => undefined, list: () => [] }
const BASE = 'https://vpn.example.com'
const ACS = `${BASE}/+CSCOE+/saml/sp/acs`
const METADATA = `${BASE}/+CSCOE+/saml/sp/metadata`
const idp = await TestIdp.make()
const spDirectory = testDirectory()
// A key is slow to make: one does for both sides.
mkdirSync(join(spDirectory, 'auth-saml'), { recursive: true })
writeFileSync(join(spDirectory, 'auth-saml', 'sp-key.pem'), idp.pair.key + idp.pair.certificate)

/** The VPN port in memory with the plugin as the host starts it. */
async function started(section: Readonly<Record<string, unknown>> = {}, metadata = idp.metadata(), groups: readonly GroupConfig[] = [group('staff', 'Staff', [['saml']])]) {
  const directory = testDirectory()
  const file = join(directory, 'idp.xml')
  writeFileSync(file, metadata)
  const backends: AuthBackend[] = []
  const fixture = portFixture({ groups, backends })
  const log = new TestLog()
  const host = new PluginHost({ log, slots: fixture.slots, dataDirectory: spDirectory, mode: 'serve' })
  const core = { gateway: { name: 'vpn.example.com', listen: [{ address: '0.0.0.0', port: 443 }] }, groups: new Map(groups.map((one) => [one.name, one])), hosts: new Map() } as unknown as GatewayConfig
  host.publish(AUDIT, fixture.audit)
  // What the identity provider signs carries the real time.
  const clock: Clock = { now: () => Date.now(), monotonic: () => fixture.clock.monotonic(), after: () => fixture.clock.after() }
  host.publish(CLOCK, clock)
  host.publish(CONFIG, core)
  host.publish(HEALTH, health)
  host.publish(SESSIONS, fixture.sessions)
  host.publish(STORE, new SqliteStore(new Database(':memory:'), ':memory:', health))
  await host.start([{ plugin, config: AuthSamlConfig.parse({ 'idp-metadata-file': file, ...section }) }])
  backends.push(...fixture.slots.authBackend.list())
  return {
    ...fixture, log, host,
    async end(): Promise<void> {
      await host.stop()
      fixture.stop()
    },
  }
}
type Started = Awaited<ReturnType<typeof started>>

const init = (...capabilities: string[]): string => INIT.replace('<group-access>', `<capabilities>${capabilities.map((name) => `<auth-method>${name}</auth-method>`).join('')}</capabilities><group-access>`)
const node = (body: string, name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1]?.replaceAll('&amp;', '&')
const pathOf = (url = ''): string => url.slice(BASE.length)
/** Signing and deflating take threads of the pool, for which the connection in memory does not wait. */
async function ask(client: TestClient, ...request: Parameters<TestClient['request']>) {
  let answer = await client.request(...request)
  for (let turn = 0; turn < 500 && !answer; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    answer = await client.answer()
  }
  return answer
}
const post = (client: TestClient, path: string, fields: Readonly<Record<string, string>>) =>
  ask(client, 'POST', path, { 'Content-Type': 'application/x-www-form-urlencoded' }, new URLSearchParams(fields).toString())
const get = (client: TestClient, path: string) => ask(client, 'GET', path)
/** What the gateway asks the identity provider. */
async function asked(browser: TestClient, loginUrl: string | undefined) {
  const answer = await get(browser, pathOf(loginUrl))
  const url = new URL(answer?.header('location') ?? 'none:')
  const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64')).toString()
  return { answer, url, xml, id: / ID="([^"]+)"/.exec(xml)?.[1] ?? '' }
}
const response = (id: string, over: Partial<Responding> = {}): string => base64(idp.respond({ inResponseTo: id, acs: ACS, audience: METADATA, ...over }))
/** As far as the identity provider's answer. */
async function atIdp(fixture: Started, ...capabilities: string[]) {
  const client = fixture.connect()
  const form = (await client.post('/', init(...(capabilities.length > 0 ? capabilities : ['single-sign-on-v2'])))).body
  const browser = fixture.connect()
  return { client, form, browser, request: await asked(browser, node(form, 'sso-v2-login')) }
}

test('G21 embedded browser: form, signed request, response, cookie at the final URL, token, session', async () => {
  const fixture = await started()
  const { client, form, browser, request } = await atIdp(fixture)
  assert.is(node(form, 'sso-v2-login-final'), `${BASE}/+CSCOE+/saml_ac_login.html`)
  assert.is(node(form, 'sso-v2-browser-mode'), undefined)
  assert.match(form, /<input type="sso" name="sso-token"><\/input>/)
  assert.is(request.url.origin + request.url.pathname, 'https://idp.example.com/sso')
  const metadata = (await get(browser, pathOf(METADATA)))?.body ?? ''
  const certificate = new X509Certificate(Buffer.from(/<X509Certificate>([^<]+)</.exec(metadata)?.[1] ?? '', 'base64'))
  const [signed = '', signature = ''] = request.url.search.slice(1).split('&Signature=')
  assert.ok(createVerify('RSA-SHA256').update(signed).verify(certificate.publicKey, decodeURIComponent(signature), 'base64'), 'the identity provider can verify the request')
  const acs = await post(browser, pathOf(ACS), { SAMLResponse: response(request.id, { nameId: 'alice@example.com' }) })
  assert.is(acs?.status, 302)
  assert.is(acs?.header('location'), `${BASE}/+CSCOE+/saml_ac_login.html`)
  const token = /^acSamlv2Token=([A-Za-z0-9]{32});/.exec(acs?.all('set-cookie')[0] ?? '')?.[1] ?? ''
  assert.match((await get(browser, '/+CSCOE+/saml_ac_login.html'))?.body ?? '', /You can close this window/)
  const done = await client.post('/', replyTo(form, { 'sso-token': token }))
  assert.match(done.body, /<auth id="success">/)
  assert.is(fixture.sessions.list()[0]?.user, 'alice@example.com')
  await fixture.end()
})

test('G21 external browser: the page brings a sealed token to localhost, and only the client can read it', async () => {
  const fixture = await started()
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' })
  const client = fixture.connect()
  const form = (await client.post('/', init('single-sign-on-v2', 'single-sign-on-external-browser'), { 'X-AnyConnect-STRAP-DH-Pubkey': spki.toString('base64') })).body
  assert.is(node(form, 'sso-v2-browser-mode'), 'external')
  const browser = fixture.connect()
  const { id } = await asked(browser, node(form, 'sso-v2-login'))
  const page = await post(browser, pathOf(ACS), { SAMLResponse: response(id) })
  const url = /http-equiv="refresh" content="0;url=(http:\/\/localhost:29786\/api\/sso\/[^"]+)"/.exec(page?.body ?? '')?.[1]?.replaceAll('&amp;', '&') ?? ''
  assert.is(new URL(url).searchParams.get('return'), `${BASE}/+CSCOE+/saml_ac_login.html`)
  assert.match(page?.header('content-security-policy') ?? '', /^default-src 'none'/)
  const blob = Buffer.from(decodeURIComponent(new URL(url).pathname.slice('/api/sso/'.length)), 'base64')
  const parts = new Map<number, Buffer>()
  for (let at = 2; at < blob.length; at += 4 + blob.readUInt16BE(at + 2)) parts.set(blob.readUInt16BE(at), blob.subarray(at + 4, at + 4 + blob.readUInt16BE(at + 2)))
  const part = (type: number): Buffer => parts.get(type) ?? Buffer.alloc(0)
  const secret = diffieHellman({ privateKey: keys.privateKey, publicKey: createPublicKey({ key: part(1), format: 'der', type: 'spki' }) })
  const opened = createDecipheriv('aes-256-gcm', Buffer.from(hkdfSync('sha256', secret, '', 'AC_ECIES', 32)), part(4), { authTagLength: 12 }).setAuthTag(part(2))
  const token = opened.update(part(3), undefined, 'latin1') + opened.final('latin1')
  const done = await client.post('/', replyTo(form, { 'sso-token': token }))
  assert.match(done.body, /<auth id="success">/)
  await fixture.end()
})

test('G21 a token is good once, for a minute, in its own dialogue', async () => {
  const fixture = await started()
  const one = await atIdp(fixture)
  const other = await atIdp(fixture)
  const tokenOf = async ({ browser, request }: Awaited<ReturnType<typeof atIdp>>): Promise<string> =>
    /acSamlv2Token=([^;]+);/.exec((await post(browser, pathOf(ACS), { SAMLResponse: response(request.id) }))?.all('set-cookie')[0] ?? '')?.[1] ?? ''
  const token = await tokenOf(one)
  const stolen = await other.client.post('/', replyTo(other.form, { 'sso-token': token }))
  assert.not.match(stolen.body, /<auth id="success">/)
  fixture.clock.time += 61_000
  const late = await one.client.post('/', replyTo(one.form, { 'sso-token': token }))
  assert.not.match(late.body, /<auth id="success">/)
  const third = await atIdp(fixture)
  const good = await tokenOf(third)
  assert.match((await third.client.post('/', replyTo(third.form, { 'sso-token': good }))).body, /<auth id="success">/)
  assert.not.match((await third.client.post('/', replyTo(third.form, { 'sso-token': good }))).body, /<auth id="success">/)
  await fixture.end()
})

test('G21 no browser: a code, typed in a browser elsewhere, and Enter', async () => {
  const fixture = await started()
  const client = fixture.connect()
  const form = (await client.post('/', INIT)).body
  const code = /enter the code ([A-Z2-9]{4}-[A-Z2-9]{4})\./.exec(form)?.[1] ?? ''
  assert.match(form, /Open https:\/\/vpn\.example\.com\/saml in a browser/)
  const waiting = await client.post('/', replyTo(form, { answer: '' }))
  assert.match(waiting.body, /is not finished/)
  const browser = fixture.connect()
  assert.match((await get(browser, '/saml'))?.body ?? '', /<form method="post" action="\/saml">/)
  assert.is((await post(browser, '/saml', { code: 'BBBB-BBBB' }))?.status, 400)
  const confirm = await post(browser, '/saml', { code: code.toLowerCase().replace('-', ' ') })
  assert.match(confirm?.body ?? '', /AnyConnect Windows/)
  const next = /<a class="button" href="([^"]+)"/.exec(confirm?.body ?? '')?.[1] ?? ''
  assert.is((await get(fixture.connect(), next))?.status, 404, 'a link alone logs nobody in')
  assert.is((await post(fixture.connect(), '/saml', { code }))?.status, 400, 'a code is good once')
  const { id } = await asked(browser, BASE + next)
  assert.match((await post(browser, pathOf(ACS), { SAMLResponse: response(id, { nameId: 'bob' }) }))?.body ?? '', /You can close this window/)
  const done = await client.post('/', replyTo(waiting.body, { answer: '' }))
  assert.match(done.body, /<auth id="success">/)
  assert.is(fixture.sessions.list()[0]?.user, 'bob')
  await fixture.end()
})

test('G21 who guesses codes is told to wait, colleagues elsewhere are not', async () => {
  const fixture = await started()
  const guesser = fixture.connect({ peer: { address: '198.51.100.9', port: 4000 } })
  for (let turn = 0; turn < 10; turn++) assert.is((await post(guesser, '/saml', { code: 'BBBBBBBB' }))?.status, 400)
  assert.is((await post(guesser, '/saml', { code: 'BBBBBBBB' }))?.status, 429)
  assert.is((await post(fixture.connect({ peer: { address: '203.0.113.9', port: 4000 } }), '/saml', { code: 'BBBBBBBB' }))?.status, 400)
  await fixture.end()
})

test('G27 where nobody can log in, the browser reads why; a login that was let begin goes on in it', async () => {
  const fixture = await started()
  const client = fixture.connect()
  const form = (await client.post('/', init('single-sign-on-v2'))).body
  fixture.slots.loginGuard.add({ name: 'wall', barred: () => ({ text: 'Not from here.' }), admit: async () => undefined, failed: () => undefined, succeeded: () => undefined }, 'test')
  const browser = fixture.connect()
  for (const path of ['/+CSCOE+/saml/sp/login?ctx=none', '/saml']) {
    const answer = await get(browser, path)
    assert.equal([answer?.statusLine, answer?.header('Retry-After')], ['HTTP/1.1 403 Not from here.', undefined], path)
  }
  assert.is((await post(browser, '/saml', { code: 'AAAA-BBBB' }))?.status, 403)
  assert.is((await get(browser, pathOf(METADATA)))?.status, 200, 'the identity provider asks for it')
  assert.is((await asked(browser, node(form, 'sso-v2-login'))).answer?.status, 302)
  assert.is((await fixture.connect().post('/', init('single-sign-on-v2'))).status, 403)
  await fixture.end()
})
test('G21 a response is taken once, an answer that nobody asked for never', async () => {
  const fixture = await started()
  const { browser, request } = await atIdp(fixture)
  const good = response(request.id)
  assert.is((await post(browser, pathOf(ACS), { SAMLResponse: response('_nobody') }))?.status, 404)
  assert.is((await post(browser, pathOf(ACS), { SAMLResponse: good }))?.status, 302)
  assert.is((await post(browser, pathOf(ACS), { SAMLResponse: good }))?.status, 404)
  const again = await atIdp(fixture)
  const first = response(again.request.id, { assertionId: '_same' })
  assert.is((await post(browser, pathOf(ACS), { SAMLResponse: first }))?.status, 302)
  const next = await atIdp(fixture)
  const replay = await post(browser, pathOf(ACS), { SAMLResponse: response(next.request.id, { assertionId: '_same' }) })
  assert.match(replay?.all('set-cookie')[0] ?? '', /^acSamlv2Error=The_answer_of/)
  assert.ok(fixture.audit.entries.some(({ action, ok, detail }) => action === 'login' && !ok && /shown before/.test(detail ?? '')))
  await fixture.end()
})

test('G21 what is wrong with a response ends the embedded browser with a reason, and the log says which', async () => {
  const fixture = await started({ 'group-from': 'groups' })
  for (const [over, reason] of [[{ signResponse: false }, /no signature of the Response/], [{ audience: 'https://other' }, /audience/], [{ attributes: { groups: ['nobody'] } }, /none of the 1 values/]] as const) {
    const { browser, request } = await atIdp(fixture)
    const answer = await post(browser, pathOf(ACS), { SAMLResponse: response(request.id, over) })
    assert.is(answer?.header('location'), `${BASE}/+CSCOE+/saml_ac_login.html`)
    assert.match(answer?.all('set-cookie')[0] ?? '', /^acSamlv2Error=[A-Za-z_]+;/)
    assert.match((await get(browser, '/+CSCOE+/saml_ac_login.html'))?.body ?? '', /did not work/)
    assert.match(fixture.audit.entries.at(-1)?.detail ?? '', reason)
  }
  await fixture.end()
})

test('G21 an attribute brings the groups; the picked one counts where the user has it', async () => {
  const groups = [group('staff', 'Staff', [['saml']]), group('admins', 'Admins', [['saml']])]
  const fixture = await started({ 'group-from': 'groups', 'group-map': { '7f3a': 'admins' } }, idp.metadata(), groups)
  const { client, form, browser, request } = await atIdp(fixture)
  const acs = await post(browser, pathOf(ACS), { SAMLResponse: response(request.id, { attributes: { groups: ['everybody', '7f3a', 'staff'] } }) })
  const token = /acSamlv2Token=([^;]+);/.exec(acs?.all('set-cookie')[0] ?? '')?.[1] ?? ''
  assert.match((await client.post('/', replyTo(form, { 'sso-token': token }))).body, /<auth id="success">/)
  assert.is(fixture.sessions.list()[0]?.group, 'staff')
  await fixture.end()
})

test('G21 the POST binding: a page that posts itself, with a signature inside', async () => {
  const fixture = await started({}, idp.metadata({ binding: 'POST' }))
  const client = fixture.connect()
  const form = (await client.post('/', init('single-sign-on-v2'))).body
  const page = await get(fixture.connect(), pathOf(node(form, 'sso-v2-login')))
  const xml = Buffer.from(/name="SAMLRequest" value="([^"]+)"/.exec(page?.body ?? '')?.[1] ?? '', 'base64').toString()
  assert.match(page?.body ?? '', /<form method="post" action="https:\/\/idp\.example\.com\/sso">/)
  assert.match(xml, /<Signature /)
  assert.match(xml, /rsa-sha256/)
  await fixture.end()
})

test('G21 an identity provider of another make (samlp) signs a user in', async () => {
  const fixture = await started()
  const { client, form, browser, request } = await atIdp(fixture)
  const signIn = samlp.auth({
    issuer: idp.entityId, cert: idp.pair.certificate, key: idp.pair.key, signResponse: true, destination: ACS, recipient: ACS,
    getPostURL: (_audience, _request, _from, done) => done(undefined, ACS),
    responseHandler: (response, _options, _from, answer) => answer.take(response),
  })
  const user = { id: 'erin', displayName: 'Erin', name: { givenName: 'Erin', familyName: 'E' }, emails: [{ value: 'erin@example.com' }] }
  const signed = await new Promise<Buffer>((take, fail) => signIn({ query: Object.fromEntries(request.url.searchParams), body: {}, user }, { take }, fail))
  const acs = await post(browser, pathOf(ACS), { SAMLResponse: signed.toString('base64') })
  const token = /acSamlv2Token=([^;]+);/.exec(acs?.all('set-cookie')[0] ?? '')?.[1] ?? ''
  assert.match((await client.post('/', replyTo(form, { 'sso-token': token }))).body, /<auth id="success">/, JSON.stringify(fixture.log.lines))
  assert.is(fixture.sessions.list()[0]?.user, 'erin')
  await fixture.end()
})

test.run()
