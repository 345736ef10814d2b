import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { connectText, group, portFixture, requestText } from './testing.ts'

const BROWSER = { Accept: 'text/html,application/xhtml+xml', 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64)' }
const PLAIN = { Accept: '*/*', 'User-Agent': 'OpenConnect VPN Agent v3.20' }

test('G02 a browser sees the portal at every entrance, with nothing from elsewhere', async () => {
  const fixture = portFixture({ groups: [group('default'), group('staff')] })
  for (const path of ['/', '/+webvpn+/index.html', '/webvpn.html', '/+CSCOE+/logon.html', '/staff', '/?x=1']) {
    const answer = await fixture.connect().request('GET', path, BROWSER)
    assert.is(answer?.status, 200, path)
    assert.match(answer?.body ?? '', /<h1>Postern VPN<\/h1>/)
    assert.match(answer?.body ?? '', /sudo openconnect vpn\.example\.com/)
    assert.match(answer?.header('Content-Security-Policy') ?? '', /^default-src 'none'; style-src 'sha256-/)
    assert.not.match(answer?.body ?? '', /(?:src|href)=|https?:/)
    assert.is(answer?.header('X-Transcend-Version'), '1')
    assert.is(answer?.header('X-Frame-Options'), 'SAMEORIGIN')
    assert.is(answer?.header('Cache-Control'), 'no-store')
  }
  fixture.stop()
})
test('a Host header cannot write into the portal', async () => {
  const fixture = portFixture()
  const answer = await fixture.connect().raw('GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\nAccept: text/html\r\n\r\n')
  assert.not.match(answer?.body ?? '', /<script/)
  assert.match(answer?.body ?? '', /vpn\.example\.com/)
  fixture.stop()
})
test('cisco-script G19 the update probes are answered without a cookie, whatever their query', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const expected: Readonly<Record<string, RegExp>> = {
    '/1/index.html': /^<html><\/html>/, '/1/Windows': /^<html><\/html>/, '/1/Linux_64': /^<html><\/html>/, '/1/Windows_ARM64': /^<html>/, '/1/Darwin_i386': /^<html>/,
    '/1/VPNManifest.xml': /<vpn rev="1.0">/, '/VPNManifest.xml': /<vpn rev="1.0">/, '/1/binaries/update.txt': /^0,0,0000\n$/, '/1/binaries/vpndownloader.sh': /^#!\/bin\/sh\nexit 0\n$/,
    '/+CSCOT+/translation-table?textdomain=AnyConnect&type=manifest': /<vpn rev="1.0">/, '/+CSCOT+/oem-customization?app=AnyConnect&type=oem&platform=win': /<vpn rev="1.0">/,
    '/CACHE/stc/1/VPNManifest.xml': /<vpn rev="1.0">/, '/CACHE/stc/VPNManifest.xml': /<vpn rev="1.0">/, '/CACHE/stc/1/binaries/update.txt': /^0,0,0000\n$/, '/CACHE/stc/1/Windows': /^<html>/,
    '/1/Windows/': /^<html>/, '/+CSCOT+/translation-table/?textdomain=AnyConnect': /<vpn rev="1.0">/,
  }
  for (const [path, body] of Object.entries(expected)) {
    const answer = await client.request('GET', path, { 'User-Agent': 'AnyConnect Windows 5.1.2.42' })
    assert.is(answer?.status, 200, path)
    assert.match(answer?.body ?? '', body)
    assert.ok(answer?.header('Content-Length'), path)
  }
  fixture.stop()
})
test('what is not there is 404, also profiles', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  for (const path of ['/profiles/x.xml', '/CACHE/stc/profiles/x.xml', '/etc/passwd', '/1/../etc', '/%2e%2e', '/1/binaries/other', '/CACHE/stc/1/binaries/other', '/CACHE/stc/', '/CACHE/stc/1/', '/1/', '/CACHE/stc/CACHE/stc/1/Windows']) {
    const answer = await client.request('GET', path, BROWSER)
    assert.is(answer?.status, 404, path)
    assert.ok(answer?.header('Content-Length'))
  }
  fixture.stop()
})
test('G03 a plain-form client gets the bare form, posts urlencoded, and its cookie opens the tunnel', async () => {
  const fixture = portFixture({ groups: [group('default', 'Everybody'), group('staff', 'Staff')] })
  const client = fixture.connect()
  for (const entrance of ['/', '/+webvpn+/index.html']) {
    const form = await client.request('GET', entrance, PLAIN)
    assert.match(form?.body ?? '', /^<\?xml[^>]*>\n<auth id="main">/)
    assert.match(form?.body ?? '', /action="\/\+webvpn\+\/index\.html"/)
  }
  const wrong = await client.request('POST', '/+webvpn+/index.html', { ...PLAIN, 'Content-Type': 'application/x-www-form-urlencoded' }, 'username=test&password=wrong&group_list=default')
  assert.match(wrong?.body ?? '', /<auth id="main">.*<error id="88" param1="Login failed/)
  const done = await client.request('POST', '/+webvpn+/index.html', PLAIN, 'username=test&password=test123&group_list=Everybody')
  assert.match(done?.body ?? '', /<auth id="success">/)
  assert.is((await fixture.connect().raw(connectText(client.cookies.get('webvpn') ?? '')))?.status, 200)
  fixture.stop()
})
test('cisco-script: form bodies with aggregate headers, name first and password after', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const headers = { 'User-Agent': 'AnyConnect Windows 4.5.03040', 'X-Aggregate-Auth': '1', 'X-AnyConnect-Platform': 'win' }
  await client.post('/', '<config-auth client="vpn" type="init"/>', headers)
  const cookie = { Cookie: `webvpncontext=${client.cookies.get('webvpncontext')};` }
  const second = await client.post('/auth', 'username=test', { ...headers, ...cookie })
  assert.match(second.body, /type="auth-request"/)
  assert.not.match(second.body, /name="username"/)
  const done = await client.post('/auth', 'password=test123&username=test', { ...headers, ...cookie })
  assert.match(done.body, /type="complete"/)
  fixture.stop()
})
test('a form posted out of the blue is taken at its word', async () => {
  const fixture = portFixture()
  const done = await fixture.connect().request('POST', '/+webvpn+/index.html', PLAIN, 'username=test&password=test123')
  assert.match(done?.body ?? '', /<auth id="success">/)
  fixture.stop()
})
test('Connection: close is honoured, HTTP/1.0 too, and a client that sends FIN behind its request gets the answer', async () => {
  const fixture = portFixture()
  const closing = fixture.connect()
  const answer = await closing.request('GET', '/1/Windows', { Connection: 'close' })
  assert.is(answer?.header('Connection'), 'close')
  assert.ok(closing.wire.ended)
  const old = await fixture.connect().raw('GET /1/Windows HTTP/1.0\r\nHost: x\r\n\r\n')
  assert.is(old?.header('Connection'), 'close')
  const half = fixture.connect()
  half.wire.write(requestText('GET', '/1/Windows'))
  half.wire.end()
  assert.is((await half.answer())?.status, 200)
  await fixture.plane.settled()
  assert.is(fixture.port.size, 0)
  fixture.stop()
})
test('twelve requests on one connection', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  for (let round = 0; round < 12; round++) {
    const answer = await client.request('GET', '/1/Windows')
    assert.is(answer?.status, 200)
    assert.is(answer?.header('Connection'), 'Keep-Alive')
  }
  fixture.stop()
})
test('HEAD has the headers of GET and no body', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  client.wire.write(requestText('HEAD', '/', BROWSER))
  await fixture.plane.settled()
  assert.match(client.wire.received().toString(), /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: [1-9]\d+[^]*\r\n\r\n$/)
  fixture.stop()
})
test('a route sees the request as a value, and its long answer arrives whole', async () => {
  const fixture = portFixture()
  const seen: unknown[] = []
  fixture.slots.httpRoute.add({
    methods: ['POST'], path: '/echo',
    handle: async ({ method, target, path, headers, body, connection }) => {
      seen.push(method, target, path, headers.get('x-a'), connection.peer.address)
      return { status: 201, headers: [['X-B', 'c\r\nX-D: e']], body: Buffer.concat(Array<Uint8Array>(100_000).fill(body)), close: true }
    },
  }, 'test')
  const client = fixture.connect({ peer: { address: '198.51.100.9', port: 4000 } })
  const answer = await client.request('POST', 'https://vpn.example.com/echo?x=1', { 'X-A': '1' }, 'abc')
  assert.equal(seen, ['POST', 'https://vpn.example.com/echo?x=1', '/echo', ['1'], '198.51.100.9'])
  assert.is(answer?.statusLine, 'HTTP/1.1 201 Created')
  assert.is(answer?.header('X-B'), 'c  X-D: e')
  assert.match(answer?.header('Date') ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
  assert.is(answer?.body, 'abc'.repeat(100_000))
  await fixture.plane.settled()
  assert.ok(client.wire.ended)
  fixture.stop()
})
test('routes of other plugins come first, by method, exact path or prefix; one that throws is 500 with a number', async () => {
  const fixture = portFixture()
  fixture.slots.httpRoute.add({ methods: ['GET'], path: '/+CSCOE+/saml/', prefix: true, handle: () => ({ status: 200, headers: [], body: 'saml' }) }, 'test')
  fixture.slots.httpRoute.add({ methods: ['POST'], path: '/broken', handle: () => { throw new Error('the cause') } }, 'test')
  assert.is((await fixture.connect().request('GET', '/+CSCOE+/saml/sp?x=1'))?.status, 200)
  const broken = await fixture.connect().request('POST', '/broken', {}, 'x')
  assert.is(broken?.status, 500)
  const id = /[0-9a-f]{8}/.exec(broken?.body ?? '')?.[0] ?? 'none'
  assert.ok(fixture.log.lines.some((line) => line.includes(id) && line.includes('the cause')))
  fixture.stop()
})

test.run()
