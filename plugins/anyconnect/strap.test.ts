import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bindingKey, judgeProof, type StrapMode } from './strap.ts'
import { connectText, login, portFixture, type PortFixture, type TestClient } from './testing.ts'

interface Key {
  readonly secret: KeyObject
  readonly spki: Buffer
  readonly text: string
}
const newKey = (namedCurve = 'P-256'): Key => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return { secret: privateKey, spki, text: spki.toString('base64') }
}
const proof = (by: Key, binding: Uint8Array, next: Key): string => sign('sha256', Buffer.concat([binding, next.spki]), by.secret).toString('base64')
const proofHeaders = (by: Key, binding: Uint8Array, next: Key): Record<string, string> => ({ 'X-AnyConnect-STRAP-Verify': proof(by, binding, next), 'X-AnyConnect-STRAP-Pubkey': next.text })
const lower = (headers: Readonly<Record<string, string>>): ReadonlyMap<string, readonly string[]> => new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]]))

const [K0, K1, K2, K3, THIEF] = [newKey(), newKey(), newKey(), newKey(), newKey()]
const FINISHED = randomBytes(48)
const EXPORTER = randomBytes(32)
const judge = (headers: Readonly<Record<string, string>>, mode: StrapMode = 'verify', keys: readonly Uint8Array[] = [K0.spki], bindings = [FINISHED, EXPORTER]): string =>
  judgeProof(mode, keys, lower(headers), bindings).kind

test('G24 both forms of a proof are good: over the Finished and over the exporter', () => {
  assert.is(judge(proofHeaders(K0, FINISHED, K1)), 'proved')
  assert.is(judge(proofHeaders(K0, EXPORTER, K1)), 'proved')
  const short = randomBytes(12)
  assert.is(judge(proofHeaders(K0, short, K1), 'verify', [K0.spki], [short]), 'proved')
  const verdict = judgeProof('verify', [K0.spki], lower(proofHeaders(K0, FINISHED, K1)), [FINISHED])
  assert.equal(verdict.kind === 'proved' && Buffer.from(verdict.next), K1.spki)
})

test('G24 a proof by another key, of another connection or for another next key is refused', () => {
  assert.is(judge(proofHeaders(THIEF, FINISHED, THIEF)), 'refused')
  assert.is(judge(proofHeaders(K0, randomBytes(48), K1)), 'refused')
  assert.is(judge({ ...proofHeaders(K0, FINISHED, K1), 'X-AnyConnect-STRAP-Pubkey': THIEF.text }), 'refused')
  assert.is(judge(proofHeaders(K0, FINISHED, K1), 'verify', [K0.spki], []), 'refused')
})

test('each of the keys that are kept proves', () => {
  for (const key of [K0, K1, K2]) assert.is(judge(proofHeaders(key, EXPORTER, K3), 'verify', [K0.spki, K1.spki, K2.spki]), 'proved')
})

test('whoever has proved once must; before that only where it is required', () => {
  assert.is(judge({}), 'unproved')
  assert.is(judge({}, 'require'), 'refused')
  assert.is(judge({}, 'verify', [K0.spki, K1.spki]), 'refused')
  assert.is(judge({}, 'ignore', [K0.spki, K1.spki]), 'unproved')
  assert.is(judge(proofHeaders(THIEF, FINISHED, THIEF), 'ignore'), 'unproved')
})

test('a session without a key has nothing to prove', () => {
  for (const mode of ['verify', 'require'] as const) {
    assert.is(judge({}, mode, []), 'unproved')
    assert.is(judge(proofHeaders(THIEF, FINISHED, THIEF), mode, []), 'unproved')
  }
})

test('malformed proofs and keys are refused, whatever they are', () => {
  const good = proofHeaders(K0, FINISHED, K1)
  const verify = good['X-AnyConnect-STRAP-Verify'] ?? ''
  const seq = createHash('sha256').update('a').digest()
  for (const [name, values] of Object.entries({
    'X-AnyConnect-STRAP-Verify': ['', ' ', 'x', '!!!!', 'A'.repeat(10_000), verify.slice(4), `${verify}AAAA`, seq.toString('base64'), 'MAA=', 'MAYCAQACAQA=', Buffer.alloc(64).toString('base64')],
    'X-AnyConnect-STRAP-Pubkey': ['', 'x', '\u00e9', 'A'.repeat(124), 'A'.repeat(10_000), newKey('P-384').text, K1.text.slice(4), `${K1.text}AAAA`],
  })) for (const value of values) assert.is(judge({ ...good, [name]: value }), 'refused', `${name} ${value.slice(0, 40)}`)
  assert.is(judge({ 'X-AnyConnect-STRAP-Verify': verify }), 'refused')
  const twice = new Map([...lower(good), ['x-anyconnect-strap-pubkey', [THIEF.text, K1.text]]])
  assert.is(judgeProof('verify', [K0.spki], twice, [FINISHED]).kind, 'refused')
})

test('a key of another curve binds nothing', () => {
  assert.equal(bindingKey(lower({ 'X-AnyConnect-STRAP-Pubkey': K1.text })), K1.spki)
  for (const text of [newKey('P-384').text, 'AAAA', '']) assert.is(bindingKey(lower({ 'X-AnyConnect-STRAP-Pubkey': text })), undefined)
})

const AGENT = { 'User-Agent': 'Open AnyConnect VPN Agent v9.01-3' }
const loggedIn = (fixture: PortFixture, key?: Key): Promise<string> => {
  const client = fixture.connect()
  const post = client.post.bind(client)
  client.post = (path, body, headers = {}) => post(path, body, { ...headers, ...(key && { 'X-AnyConnect-STRAP-Pubkey': key.text }) })
  return login(client)
}
async function connectBy(fixture: PortFixture, cookie: string, headers: (client: TestClient) => Record<string, string>): Promise<string> {
  const client = fixture.connect()
  const answer = await client.raw(connectText(cookie, { ...AGENT, ...headers(client) }))
  return `${String(answer?.status)} ${answer?.header('X-Reason') ?? ''}`.trim()
}
const proving = (by: Key, next: Key, binding = 0) => ({ wire }: TestClient): Record<string, string> => proofHeaders(by, wire.channelBindings[binding] ?? Buffer.alloc(0), next)

test('G24 a client proves itself at each CONNECT with the key before; a moved cookie is 401, told to log and audit, and the session stands', async () => {
  const fixture = portFixture()
  const cookie = await loggedIn(fixture, K0)
  assert.is(await connectBy(fixture, cookie, proving(K0, K1)), '200')
  assert.is(await connectBy(fixture, cookie, proving(K1, K2, 1)), '200')
  for (const theft of [proving(THIEF, THIEF), () => ({})]) assert.is(await connectBy(fixture, cookie, theft), '401 This session belongs to another client')
  assert.is(fixture.sessions.live, 1)
  const entries = fixture.audit.entries.filter(({ action }) => action === 'session.proof')
  assert.equal(entries.map(({ actor, ok, peer }) => [actor, ok, peer]), [['test', false, '192.0.2.1']], 'one a second')
  assert.ok(fixture.log.lines.some((line) => /^tunnel refused .*proof of possession/.test(line)))
  assert.is(await connectBy(fixture, cookie, proving(K2, K3)), '200')
  fixture.stop()
})

test('G24 a proof counts though the tunnel is refused: its client has left the former key behind', async () => {
  const fixture = portFixture()
  const cookie = await loggedIn(fixture, K0)
  fixture.sessions.failure = { at: 'lease', error: new Error('no') }
  assert.match(await connectBy(fixture, cookie, proving(K0, K1)), /^503/)
  assert.is(await connectBy(fixture, cookie, proving(K1, K2)), '200')
  fixture.stop()
})

test('G24 clients without a key are let in as ever, also where a proof is required', async () => {
  for (const strap of ['verify', 'require', 'ignore'] as const) {
    const fixture = portFixture({ strap })
    assert.is(await connectBy(fixture, await loggedIn(fixture), () => ({})), '200')
    fixture.stop()
  }
})

test('G24 the last key that a login offers counts', async () => {
  const fixture = portFixture({ strap: 'require' })
  const client = fixture.connect()
  const post = client.post.bind(client)
  const offered = [K0, K1]
  client.post = (path, body, headers = {}) => post(path, body, { ...headers, 'X-AnyConnect-STRAP-Pubkey': offered.shift()?.text ?? '' })
  const cookie = await login(client)
  assert.match(await connectBy(fixture, cookie, proving(K0, K2)), /^401/)
  assert.is(await connectBy(fixture, cookie, proving(K1, K2)), '200')
  fixture.stop()
})

test.run()
