import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, SESSION_ENDS, type AuthBackend, type EndCause, type RefusalReason } from '../../core/api.ts'
import { FRAME } from '../../native/fake.ts'
import { LOGIN_REFUSALS, REQUEST_REFUSALS, TUNNEL_REFUSALS, UNPARSABLE_TEXT } from './refusals.ts'
import { REQUEST_LIMITS } from './request-guard.ts'
import { connectText, INIT, login, portFixture, replyTo, requestText, type PortFixture, type TestAnswer } from './testing.ts'

const here = new URL('.', import.meta.url)
const errorOf = (body: string): string | undefined => /<error id="88" param1="([^"]*)" param2="">%s<\/error>/.exec(body)?.[1]

/** A back-end that refuses everybody for one reason. */
const refusing = (reason: RefusalReason): AuthBackend => ({
  name: 'local',
  begin: () => ({
    kind: 'form',
    form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: 'Username:' }] },
    answer: () => Promise.resolve({ kind: 'refused', reason, user: 'test' }),
  }),
})
async function answerTo(reason: RefusalReason): Promise<TestAnswer> {
  const fixture = portFixture({ backends: [refusing(reason)] })
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  const answer = await client.post('/', replyTo(form.body, { username: 'test' }))
  fixture.stop()
  return answer
}

test('G25 AGGAUTH: each refusal of a login is 200 with its text as the parameter of error 88, and ends the dialogue or asks again', async () => {
  for (const reason of Object.keys(LOGIN_REFUSALS) as RefusalReason[]) {
    if (LOGIN_REFUSALS[reason].family !== 'AGGAUTH') continue
    const answer = await answerTo(reason)
    assert.is(answer.status, 200, reason)
    assert.match(errorOf(answer.body) ?? 'none', new RegExp(`^${LOGIN_REFUSALS[reason].text.replace('%s', '[0-9a-f]{8}')}$`))
    assert.is(/<input/.test(answer.body), reason === 'wrong-credentials', reason)
  }
})

test('G25 AGGAUTH: a document that is none is 400 with error 98 in a document of type complete', async () => {
  for (const body of ['<config-auth client="vpn" type="init"><oops>', '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y "z">]><config-auth/>', '\x00\x01']) {
    const fixture = portFixture()
    const answer = await fixture.connect().post('/', body)
    assert.is(answer.status, 400)
    assert.match(answer.body, /<config-auth client="vpn" type="complete"/)
    assert.ok(answer.body.includes(`<error id="98" param1="" param2="">${UNPARSABLE_TEXT}</error>`))
    fixture.stop()
  }
})

test('G25 CERTIFICATE: a certificate that is missing or not acceptable ends the login in the words that clients know', async () => {
  const answer = await answerTo('certificate-refused')
  assert.is(answer.status, 200)
  assert.is(errorOf(answer.body), 'Certificate Validation Failure')
  assert.match(answer.body, /<message>Certificate Validation Failure: your certificate/, 'openconnect shows no error of these words')
  assert.not.match(answer.body, /<input/)
})

test('G25 CONNECTIFC: what is no request of a login is answered by its status alone, and the connection ends', async () => {
  const requests: readonly (readonly [string, number])[] = [
    ['GET / HTTP/1.1\r\n\r\n', 400],
    [requestText('GET', '/nothing/here'), 404],
    [requestText('CONNECT', 'example.com:443'), 404],
    [requestText('BREW', '/'), 405],
    [`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${REQUEST_LIMITS.bodyBytes + 1}\r\n\r\n`, 413],
    [requestText('POST', '/', { Expect: 'tea' }, INIT), 417],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Fill: ${'a'.repeat(REQUEST_LIMITS.headBytes)}\r\n\r\n`, 431],
  ]
  for (const [text, status] of requests) {
    const fixture = portFixture()
    const answer = await fixture.connect().raw(text)
    assert.is(answer?.status, status, text.slice(0, 40))
    assert.is(REQUEST_REFUSALS[status]?.family, 'CONNECTIFC')
    fixture.stop()
  }
})

test('G25 CTRANSPORT: a request that does not come in time is 408, a connection too many closes without a word', async () => {
  let now = 0
  const fixture = portFixture({ port: { now: () => now, checkingIntervalMs: 5 } })
  const slow = fixture.connect()
  slow.wire.write('GET / HT')
  await fixture.plane.settled()
  now += REQUEST_LIMITS.headersTimeoutMs
  await new Promise((done) => setTimeout(done, 50))
  assert.is((await slow.answer())?.status, 408)
  const crowd = Array.from({ length: REQUEST_LIMITS.connectionsPerNetwork }, () => fixture.connect({ peer: { address: '192.0.2.9', port: 5000 } }))
  await fixture.plane.settled()
  now += 6000
  fixture.connect({ peer: { address: '192.0.2.9', port: 5000 } })
  await fixture.plane.settled()
  const closed = crowd.filter(({ wire }) => wire.ended)
  assert.is(closed.length, 1)
  for (const { wire } of closed) assert.is(wire.received().length, 0)
  fixture.stop()
})

const connected = async (prepare: (fixture: PortFixture, cookie: string) => unknown = () => undefined): Promise<TestAnswer | undefined> => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  await prepare(fixture, cookie)
  const answer = await fixture.connect().raw(connectText(cookie))
  fixture.stop()
  return answer
}
const lines = (answer: TestAnswer | undefined): unknown => [answer?.statusLine, answer?.header('X-Reason')]

test('G25 G07 CONNECTMGR: a cookie that is absent, altered, or of a session that has ended is 401; only a genuine one reads why', async () => {
  const fixture = portFixture()
  for (const cookie of ['', 'x', 'A'.repeat(84), 'A'.repeat(600), "';--"]) {
    assert.equal(lines(await fixture.connect().raw(connectText(cookie))), ['HTTP/1.1 401 Cookie is not acceptable', 'Cookie is not acceptable'], cookie)
  }
  assert.is((await fixture.connect().raw(requestText('CONNECT', '/CSCOSSLC/tunnel')))?.status, 401)
  fixture.stop()
  for (const cause of Object.keys(SESSION_ENDS) as EndCause[]) {
    const answer = await connected((fixture) => fixture.sessions.list().map(({ id }) => fixture.sessions.end(id, cause)))
    assert.equal(lines(answer), ['HTTP/1.1 401 Cookie is not acceptable', SESSION_ENDS[cause].text])
  }
})

test('G25 CONNECTMGR: what will pass is 503 with its reason, so that the client comes back', async () => {
  const failing = (at: 'lease' | 'start', error: GatewayError) => connected((fixture) => void (fixture.sessions.failure = { at, error }))
  assert.equal(lines(await failing('lease', new GatewayError('POOL_EXHAUSTED', 'x'))), ['HTTP/1.1 503 Service Unavailable', TUNNEL_REFUSALS['no-address'].text])
  assert.equal(lines(await failing('start', new GatewayError('SESSION_CONTESTED', 'x'))), ['HTTP/1.1 503 Service Unavailable', TUNNEL_REFUSALS.contested.text])
  const full = await failing('lease', new GatewayError('STORE_FULL', 'the secret path'))
  assert.is(full?.statusLine, 'HTTP/1.1 503 Service Unavailable')
  assert.match(full?.header('X-Reason') ?? '', /^The gateway cannot serve this session right now \([0-9a-f]{8}\)$/)
})

test('G25 CSTPPROTOCOL: a broken frame closes the tunnel without DISCONNECT; the end of the session is DISCONNECT with its text', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const broken = fixture.connect()
  assert.is((await broken.raw(connectText(cookie)))?.status, 200)
  broken.wire.take()
  broken.wire.write('GET / HTTP/1.1\r\n\r\n')
  await fixture.plane.settled()
  assert.ok(broken.wire.ended)
  assert.equal(broken.wire.frames(), [])
  const again = fixture.connect()
  assert.is((await again.raw(connectText(cookie)))?.status, 200, 'the session waits for it')
  const [session] = fixture.sessions.list()
  again.wire.take()
  fixture.sessions.end(session?.id ?? '', 'session-timeout')
  await fixture.plane.settled()
  assert.equal(again.wire.frames().map(({ type, payload }) => [type, payload.subarray(1).toString()]), [[FRAME.disconnect, SESSION_ENDS['session-timeout'].text]])
  assert.ok(again.wire.ended)
  fixture.stop()
})

test('G25 every status that the port answers with has its row', () => {
  const files = readdirSync(here).filter((name) => name.endsWith('.ts') && !name.endsWith('test.ts') && name !== 'refusals.ts' && name !== 'testing.ts')
  const statuses = new Set(files.flatMap((name) => [...readFileSync(new URL(name, here), 'utf8').matchAll(/(?:status: |page\()(\d{3})/g)].map(([, status]) => Number(status))))
  assert.ok(statuses.has(400))
  statuses.delete(200)
  assert.equal([...statuses].sort(), Object.keys(REQUEST_REFUSALS).map(Number).sort())
})

test('G25 the README has each refusal', () => {
  const readme = readFileSync(new URL('README.md', here), 'utf8')
  for (const { text, family } of Object.values(LOGIN_REFUSALS)) assert.ok(readme.includes(`| ${text.replace('%s', '…')} |`) && readme.includes(family), text)
  for (const { status, text } of Object.values(TUNNEL_REFUSALS)) assert.ok(readme.includes(`| ${status.slice(0, 3)}, ${text} |`), text)
  for (const [status, { when, family }] of Object.entries(REQUEST_REFUSALS)) assert.ok(readme.includes(`| ${family} | ${when} | ${status} |`), status)
})

test.run()
