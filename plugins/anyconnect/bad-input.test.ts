import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthBackend, AuthStep } from '../../core/api.ts'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { OUTSTANDING_BYTES } from './outbox.ts'
import { REQUEST_LIMITS } from './request-guard.ts'
import { connectText, INIT, login, portFixture, readAnswer, replyTo, requestText, type PortFixture, type TestClient } from './testing.ts'

/** The peer gets this answer (or none), is gone, and everybody else goes on. */
async function endsOnlyThatPeer(bytes: string | Uint8Array, status: number | undefined, prepare?: (fixture: PortFixture) => void): Promise<void> {
  const fixture = portFixture()
  prepare?.(fixture)
  const bystander = fixture.connect()
  const form = await bystander.post('/', INIT)
  const client = fixture.connect()
  const answer = await client.raw(bytes)
  await fixture.plane.settled()
  assert.is(answer?.status, status)
  assert.ok(client.wire.ended, 'the connection has ended')
  assert.is(fixture.port.size, 1, 'only the bystander is left')
  assert.ok(fixture.counters.refusedRequests + fixture.counters.unparsable + fixture.counters.tunnelsRefused > 0, 'it is counted')
  const done = await bystander.post('/', replyTo(form.body, { username: 'test', password: 'test123' }))
  assert.match(done.body, /type="complete"/)
  fixture.stop()
}

test('random bytes: 400', async () => {
  await endsOnlyThatPeer(Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) & 255)), 400)
})
test('1 MB of headers: 431 after 16 KiB', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const answer = await client.raw(`GET / HTTP/1.1\r\nHost: x\r\n${`X-Fill: ${'a'.repeat(1000)}\r\n`.repeat(1000)}\r\n`)
  assert.is(answer?.status, 431)
  assert.ok(client.wire.ended)
  fixture.stop()
})
test('one header too many: 431; the allowed number passes', async () => {
  const headers = (count: number): string => `GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n${Array.from({ length: count - 2 }, (_, index) => `X-${index}: 1\r\n`).join('')}\r\n`
  await endsOnlyThatPeer(headers(REQUEST_LIMITS.headers + 1), 431)
  const fixture = portFixture()
  assert.is((await fixture.connect().raw(headers(REQUEST_LIMITS.headers)))?.status, 200)
  fixture.stop()
})
test('unknown methods: 405, and 400 for what can be none', async () => {
  await endsOnlyThatPeer(requestText('PROPFIND', '/'), 405)
  await endsOnlyThatPeer(requestText('BREW', '/'), 405)
  await endsOnlyThatPeer(requestText('G{T', '/'), 400)
})
test('wrong Content-Length: 400 for nonsense and for two', async () => {
  await endsOnlyThatPeer('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400)
  await endsOnlyThatPeer('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc', 400)
  await endsOnlyThatPeer('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc', 400)
  await endsOnlyThatPeer('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc', 400)
})
test('transfer codings other than chunked, twice, or in HTTP/1.0: 400', async () => {
  for (const coding of ['gzip, chunked', 'xchunked', 'chunked\r\nTransfer-Encoding: chunked']) await endsOnlyThatPeer(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`, 400)
  await endsOnlyThatPeer('POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400)
})
test('a target that is neither a path nor a URL: 400', async () => {
  await endsOnlyThatPeer(requestText('GET', '*'), 400)
  await endsOnlyThatPeer(requestText('POST', 'x', {}, INIT), 400)
})
test('a Content-Length that is too short leaves a second request that is none: 400', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  await client.raw(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n${INIT}`)
  await fixture.plane.settled()
  assert.ok(client.wire.ended)
  assert.is(fixture.port.size, 0)
  fixture.stop()
})
test('a body announced over 256 KiB: 413 before a byte of it was read, also behind Expect', async () => {
  await endsOnlyThatPeer(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${REQUEST_LIMITS.bodyBytes + 1}\r\n\r\n`, 413)
  await endsOnlyThatPeer(`POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${REQUEST_LIMITS.bodyBytes + 1}\r\n\r\n`, 413)
})
test('Expect: 100-continue is met, another expectation is not', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  await client.raw(requestText('POST', '/', { Expect: '100-continue', 'X-Aggregate-Auth': '1' }, INIT))
  assert.match(client.wire.received().toString(), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/)
  fixture.stop()
  await endsOnlyThatPeer(requestText('POST', '/', { Expect: 'tea' }, INIT), 417)
})
test('a chunked body is read within the limit and refused beyond it: 413', async () => {
  const chunked = (body: string): string => `POST / HTTP/1.1\r\nHost: x\r\nX-Aggregate-Auth: 1\r\nTransfer-Encoding: chunked\r\n\r\n${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const fixture = portFixture()
  assert.match((await fixture.connect().raw(chunked(INIT)))?.body ?? '', /auth-request/)
  fixture.stop()
  await endsOnlyThatPeer(chunked('x'.repeat(REQUEST_LIMITS.bodyBytes + 1)), 413)
})
test('a chunked body without end: 413 at 256 KiB', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  client.wire.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let sent = 0; sent < 1024 && !client.wire.ended; sent++) {
    client.wire.write(`4000\r\n${'a'.repeat(0x4000)}\r\n`)
    await fixture.plane.settled()
  }
  assert.is(readAnswer(client.wire.received())?.status, 413)
  assert.ok(client.wire.ended)
  fixture.stop()
})
test('XML with an internal DTD, 10,000 levels, 10 MB, or no end', async () => {
  await endsOnlyThatPeer(requestText('POST', '/', {}, '<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'), 400)
  await endsOnlyThatPeer(requestText('POST', '/', {}, '<a>'.repeat(10_000)), 400)
  await endsOnlyThatPeer(requestText('POST', '/', {}, `<a>${'x'.repeat(10_000_000)}`), 413)
  await endsOnlyThatPeer(requestText('POST', '/', {}, '<config-auth client="vpn" type="init"><version>'), 400)
})
test('a pipelined second request: neither is served further', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  client.wire.write(requestText('POST', '/', {}, INIT) + requestText('GET', '/1/Windows'))
  await fixture.plane.settled()
  assert.ok(client.wire.ended)
  assert.is(fixture.counters.refusedRequests, 1)
  assert.not.match(client.wire.received().toString(), /<html><\/html>/)
  fixture.stop()
})
test('CONNECT behind an open request: cut off, no tunnel', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const client = fixture.connect()
  client.wire.write(requestText('POST', '/', {}, INIT) + connectText(cookie))
  await fixture.plane.settled()
  assert.ok(client.wire.ended)
  assert.is(fixture.sessions.live, 0)
  fixture.stop()
})
test('two Host headers: 400, none: 400', async () => {
  await endsOnlyThatPeer('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400)
  await endsOnlyThatPeer('GET / HTTP/1.1\r\n\r\n', 400)
})
test('GET or CONNECT with a body: 400', async () => {
  await endsOnlyThatPeer('GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400)
  await endsOnlyThatPeer('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx', 400)
  await endsOnlyThatPeer('CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx', 400)
  await endsOnlyThatPeer('CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', 400)
})
test('CONNECT to anything but the tunnel: 404', async () => {
  await endsOnlyThatPeer(requestText('CONNECT', 'intranet.example:443'), 404)
})
test('folded headers, bare line feeds, NUL in a header: 400', async () => {
  await endsOnlyThatPeer('GET / HTTP/1.1\nHost: a\n\n', 400)
  await endsOnlyThatPeer('GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\n\r\n', 400)
  await endsOnlyThatPeer('GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\0\r\n\r\n', 400)
  await endsOnlyThatPeer('GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400)
})
test('forged, altered, foreign and missing cookies: 401 with a reason, terminated ones too', async () => {
  const fixture = portFixture()
  const good = await login(fixture.connect())
  const altered = `${good.slice(0, 5)}${good[5] === 'A' ? 'B' : 'A'}${good.slice(6)}`
  for (const cookie of [altered, 'x', '', 'a'.repeat(8000), `${good}extra`, '\u00e9']) {
    const client = fixture.connect()
    const answer = await client.raw(connectText(cookie))
    assert.is(answer?.statusLine, 'HTTP/1.1 401 Cookie is not acceptable', cookie)
    assert.is(answer?.header('X-Reason'), 'Cookie is not acceptable')
    assert.ok(client.wire.ended)
  }
  const without = await fixture.connect().raw(requestText('CONNECT', '/CSCOSSLC/tunnel'))
  assert.is(without?.status, 401)
  for (const session of fixture.sessions.list()) fixture.sessions.end(session.id, 'admin')
  assert.is((await fixture.connect().raw(connectText(good)))?.status, 401)
  assert.is(fixture.counters.tunnelsRefused, 8)
  fixture.stop()
})
test('G27 refused CONNECTs are all counted and write one line a second', async () => {
  const fixture = portFixture()
  for (let round = 0; round < 20; round++) assert.is((await fixture.connect().raw(connectText('x')))?.status, 401)
  assert.is(fixture.counters.tunnelsRefused, 20)
  assert.is(fixture.log.lines.length, 1)
  fixture.clock.time += 1000
  await fixture.connect().raw(connectText('x'))
  assert.match(fixture.log.lines[1] ?? '', /^tunnel refused .*"suppressed":19/)
  fixture.stop()
})
test('two CONNECTs at once with one cookie: the newest wins, both are answered', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const [first, second] = [fixture.connect(), fixture.connect()]
  first.wire.write(connectText(cookie))
  second.wire.write(connectText(cookie))
  await fixture.plane.settled()
  assert.is(fixture.sessions.live, 1)
  assert.ok(first.wire.ended)
  assert.not.ok(second.wire.ended)
  assert.is(readAnswer(second.wire.received())?.status, 200)
  fixture.stop()
})
test('frames of a wrong magic end the tunnel and nothing else', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const client = fixture.connect()
  await client.raw(connectText(cookie))
  client.wire.write('GARBAGE GARBAGE')
  await fixture.plane.settled()
  assert.ok(client.wire.ended)
  assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  fixture.stop()
})
test('one byte a second: 408 after the time for headers, and after that for a body', async () => {
  const fixture = portFixture({ port: { headersTimeoutMs: 60, requestTimeoutMs: 120, checkingIntervalMs: 20 } })
  const drip = async (client: TestClient, text: string): Promise<void> => {
    for (const byte of text) {
      if (client.wire.ended) return
      client.wire.write(byte)
      await new Promise((done) => setTimeout(done, 5))
    }
  }
  const silent = fixture.connect()
  const slow = fixture.connect()
  await drip(slow, requestText('GET', '/', { 'X-Long': 'a'.repeat(200) }))
  assert.is(readAnswer(slow.wire.received())?.status, 408)
  const body = fixture.connect()
  body.wire.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n')
  await drip(body, 'x'.repeat(400))
  assert.is(readAnswer(body.wire.received())?.status, 408)
  assert.ok(silent.wire.ended, 'a client that says nothing after the handshake is sent away too')
  assert.is(fixture.port.size, 0)
  fixture.stop()
})
test('G27 bodies of all connections together have a bound of their own: 503, and the room comes back', async () => {
  const fixture = portFixture({ bodyRoom: 40_000 })
  const held = fixture.connect()
  held.wire.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 39900\r\n\r\n${'x'.repeat(39_000)}`)
  await fixture.plane.settled()
  const crowded = fixture.connect()
  assert.is((await crowded.raw(requestText('POST', '/', {}, 'y'.repeat(20_000))))?.status, 503)
  assert.ok(crowded.wire.ended)
  held.wire.reset()
  await fixture.plane.settled()
  for (let round = 0; round < 30; round++) assert.is((await fixture.connect().post('/', INIT)).status, 200)
  fixture.stop()
})
test('G27 bodies that never end keep no login out', async () => {
  const fixture = portFixture({ bodyRoom: 40_000 })
  for (let port = 0; port < 4; port++) fixture.connect().wire.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n${'x'.repeat(9_999)}`)
  await fixture.plane.settled()
  const client = fixture.connect({ peer: { address: '198.51.100.9', port: 4000 } })
  assert.ok(await login(client))
  fixture.stop()
})
test('G27 idle connections of many addresses keep nobody out: the longest idle of the most crowded address give way', async () => {
  const fixture = portFixture()
  const { connections, connectionsPerNetwork } = REQUEST_LIMITS
  const person = fixture.connect({ peer: { address: '198.51.100.9', port: 4000 } })
  const form = await person.post('/', INIT)
  const lingering: TestClient[] = []
  for (let index = 0; index < connections + 50; index++) {
    const client = fixture.connect({ peer: { address: `192.0.2.${Math.floor(index / connectionsPerNetwork)}`, port: 1024 + index } })
    assert.is((await client.request('GET', '/', { 'User-Agent': 'Mozilla/5.0' }))?.status, 200)
    lingering.push(client)
  }
  assert.is(fixture.port.size, connections)
  assert.is(fixture.counters.crowdedOut, 51)
  assert.not.ok(person.wire.ended)
  const done = await person.post('/', replyTo(form.body, { username: 'test', password: 'test123' }))
  assert.match(done.body, /<session-token>/)
  fixture.stop()
})
test('G27 lingering connections of one address make room for its next ones; a request under way and a login in progress stay', async () => {
  let release: (step: AuthStep) => void = () => undefined
  const slow: AuthBackend = {
    name: 'local',
    begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }] }, answer: () => new Promise((done) => { release = done }) }),
  }
  let now = 0
  const fixture = portFixture({ backends: [slow], port: { now: () => now } })
  const busy = fixture.connect()
  const form = await busy.post('/', INIT)
  busy.wire.take()
  busy.wire.write(requestText('POST', '/', { 'X-Aggregate-Auth': '1' }, replyTo(form.body, { username: 'test' })))
  await fixture.plane.settled()
  const idle: TestClient[] = []
  for (let index = 0; index < REQUEST_LIMITS.connectionsPerNetwork - 1; index++) {
    const client = fixture.connect()
    await client.request('GET', '/', { 'User-Agent': 'Mozilla/5.0' })
    idle.push(client)
  }
  await fixture.connect().request('GET', '/', { 'User-Agent': 'Mozilla/5.0' })
  assert.not.ok(idle.some(({ wire }) => wire.ended), 'who was here a moment ago stays')
  now = 5_000
  await idle[0]?.request('GET', '/', { 'User-Agent': 'Mozilla/5.0' })
  await fixture.connect().request('GET', '/', { 'User-Agent': 'Mozilla/5.0' })
  assert.equal(idle.map(({ wire }) => wire.ended).slice(0, 3), [false, true, false])
  assert.is(fixture.port.size, REQUEST_LIMITS.connectionsPerNetwork + 1)
  assert.not.ok(busy.wire.ended)
  release({ kind: 'identity', identity: { user: 'test', groups: [], source: 'local' } })
  assert.match((await busy.answer())?.body ?? '', /<session-token>/)
  fixture.stop()
})
test('a client that leaves while its password is checked leaves no session behind', async () => {
  let release: (step: AuthStep) => void = () => undefined
  const slow: AuthBackend = {
    name: 'local',
    begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }] }, answer: () => new Promise((done) => { release = done }) }),
  }
  const fixture = portFixture({ backends: [slow] })
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  client.wire.write(requestText('POST', '/', { 'X-Aggregate-Auth': '1' }, replyTo(form.body, { username: 'test' })))
  await fixture.plane.settled()
  client.wire.reset()
  await fixture.plane.settled()
  assert.is(fixture.port.size, 0)
  release({ kind: 'identity', identity: { user: 'test', groups: [], source: 'local' } })
  await fixture.plane.settled()
  assert.equal(fixture.sessions.list(), [])
  assert.is(fixture.dialogues.size, 0)
  fixture.stop()
})
test('a client that never reads is cut off with 64 KiB and one answer outstanding', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  client.wire.pause()
  for (let round = 0; round < 200; round++) {
    client.wire.write(requestText('GET', '/', { Accept: 'text/html' }))
    await fixture.plane.settled()
  }
  assert.is(fixture.port.size, 0)
  client.wire.resume()
  assert.ok(client.wire.received().length < OUTSTANDING_BYTES + 8192)
  fixture.stop()
})
test('no secret and no password is logged or kept in the audit', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const cookie = await login(client)
  const form = await client.post('/', INIT)
  await client.post('/', replyTo(form.body, { username: 'test', password: 'secret-guess' }))
  await fixture.connect().raw(connectText(`${cookie}x`))
  await fixture.connect().raw(connectText(cookie))
  const written = JSON.stringify([fixture.log.lines, fixture.audit.entries])
  for (const secret of [cookie, 'secret-guess', 'test123', client.cookies.get('webvpncontext') ?? 'none']) assert.not.ok(written.includes(secret), secret)
  fixture.stop()
})
test('frames that come right behind CONNECT, before the answer, are not lost', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const client = fixture.connect()
  const up = (index: number): Buffer => frame(FRAME.data, packet('10.20.0.5', '10.20.0.1', `packet ${index}`))
  client.wire.write(Buffer.concat([Buffer.from(connectText(cookie)), up(0)]))
  for (let index = 1; index < 40; index++) client.wire.write(Buffer.concat([up(index), up(index)]))
  await fixture.plane.settled()
  assert.is(fixture.plane.tun.length, 1 + 39 * 2)
  fixture.stop()
})

test.run()
