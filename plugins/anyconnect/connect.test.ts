import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { GatewayError, type Policy, type TunnelHandle, type TunnelSpec } from '../../core/api.ts'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { connectText, INIT, login, PasswordBackend, portFixture, requestText, type PortFixtureOptions, type TestAnswer } from './testing.ts'

async function connect(options: PortFixtureOptions & { readonly headers?: Readonly<Record<string, string>>; readonly peer?: string } = {}): Promise<TestAnswer> {
  const fixture = portFixture(options)
  const cookie = await login(fixture.connect())
  const client = fixture.connect(options.peer === undefined ? {} : { peer: { address: options.peer, port: 5000 } })
  const answer = await client.raw(connectText(cookie, options.headers))
  fixture.stop()
  if (!answer) throw new Error('no answer')
  return answer
}
const AGENTS = {
  windows: 'Cisco AnyConnect VPN Agent for Windows 5.1.2.42',
  ios: 'Cisco AnyConnect VPN Agent for Apple iPhone 5.1.16.264',
  openconnect: 'Open AnyConnect VPN Agent v9.01-3',
} as const
const RICH: Partial<Policy> = {
  dns: ['10.20.0.1', 'fd20::1'], search: ['lab.example'], splitInclude: ['10.0.0.0/8', '192.168.0.0/16', 'fd00::/8'], splitExclude: ['10.9.0.0/16'],
  splitDns: ['corp.example', 'lab.example'], localLan: true, banner: 'Welcome, 100 %\nBe good', sessionTimeoutSec: 3600, tunnelAllDns: true,
}

// POSTERN_GOLDEN=write writes them anew; the diff is for the reviewer.
const golden = (name: string, actual: string): void => {
  const file = new URL(`testdata/${name}.txt`, import.meta.url)
  if (process.env.POSTERN_GOLDEN === 'write') writeFileSync(file, actual)
  assert.ok(existsSync(file), `${name} is missing`)
  assert.is(actual, readFileSync(file, 'utf8'))
}
for (const [client, agent] of Object.entries(AGENTS)) {
  for (const [kind, policy] of Object.entries({ plain: {}, rich: RICH })) {
    test(`G08 the whole CONNECT answer for ${client}, ${kind} policy`, async () => {
      const answer = await connect({ policy, headers: { 'User-Agent': agent } })
      golden(`connect-${client}-${kind}`, `${[answer.statusLine, ...answer.headers.map(([name, value]) => `${name}: ${value}`)].join('\n')}\n`)
    })
  }
}

test('cisco-script: every header that is not a list comes once, in one spelling, and IPv6 resolvers in their own', async () => {
  const answer = await connect({ policy: RICH, headers: { 'User-Agent': AGENTS.windows } })
  const lists = ['X-CSTP-DNS', 'X-CSTP-DNS-IP6', 'X-CSTP-Split-DNS', 'X-CSTP-Split-Include', 'X-CSTP-Split-Include-IP6', 'X-CSTP-Split-Exclude', 'X-CSTP-Split-Exclude-IP6']
  const seen = new Map<string, string>()
  for (const [name] of answer.headers) {
    const key = name.toLowerCase()
    if (seen.has(key)) assert.is(seen.get(key), name)
    if (seen.has(key)) assert.ok(lists.includes(name), `${name} twice`)
    seen.set(key, name)
  }
  assert.equal(answer.all('X-CSTP-DNS'), ['10.20.0.1'])
  assert.equal(answer.all('X-CSTP-DNS-IP6'), ['fd20::1'])
})
test('G08 the paths /tunnel and without a slash are the same, a query does not matter', async () => {
  for (const path of ['/tunnel', 'CSCOSSLC/tunnel', '/CSCOSSLC/tunnel?x=1']) {
    const fixture = portFixture()
    const cookie = await login(fixture.connect())
    assert.is((await fixture.connect().raw(requestText('CONNECT', path, { Cookie: `webvpn=${cookie}` })))?.status, 200, path)
    fixture.stop()
  }
})
test('G09 only the families that the client can use', async () => {
  const four = await connect({ headers: { 'X-CSTP-Address-Type': 'IPv4' } })
  assert.is(four.header('X-CSTP-Address-IP6'), undefined)
  const six = await connect({ headers: { 'X-CSTP-Address-Type': 'IPv6' } })
  assert.is(six.header('X-CSTP-Address'), undefined)
  assert.is(six.header('X-CSTP-Address-IP6'), 'fd20::5/64')
  const old = await connect({ headers: { 'X-CSTP-Full-IPv6-Capability': 'false' } })
  assert.is(old.header('X-CSTP-Address-IP6'), undefined)
})
test('G09 no IPv6 when the MTU is too small for it', async () => {
  const answer = await connect({ headers: { 'X-CSTP-Base-MTU': '1300' } })
  assert.is(answer.header('X-CSTP-MTU'), '1234')
  assert.is(answer.header('X-CSTP-Address-IP6'), undefined)
  assert.is(answer.header('X-CSTP-Address'), '10.20.0.5')
})
test('D02 phones get the interval for phones', async () => {
  assert.is((await connect()).header('X-CSTP-DPD'), '30')
  assert.is((await connect({ headers: { 'User-Agent': 'Cisco AnyConnect VPN Agent for Android 5.1.15.344' } })).header('X-CSTP-DPD'), '300')
  assert.is((await connect({ headers: { 'X-CSTP-License': 'mobile' } })).header('X-CSTP-DPD'), '300')
})
test('D06 phones with a DTLS channel go by what was learned of their network, and nobody else does', async () => {
  const learned = { network: '192.0.2.0/24', probeSec: 45, settled: false, tellSec: 312, tlsSec: 120 }
  const android = 'Cisco AnyConnect VPN Agent for Android 5.1.15.344'
  const offered = async (agent: string, dtls: boolean) => {
    const fixture = portFixture()
    fixture.sessions.learned = learned
    const tunnel: Partial<TunnelSpec> = dtls ? { dtls: { mode: 'psk', id: Buffer.alloc(32), ciphers: [], helloVerify: true } } : {}
    fixture.slots.negotiator.add({ name: 'dtls', negotiate: () => ({ headers: (_, told) => [['X-DTLS-Told', `${told.keepaliveSec} ${told.dpdSec}`]], tunnel }) }, 'test')
    const cookie = await login(fixture.connect())
    const answer = await fixture.connect().raw(connectText(cookie, { 'User-Agent': agent }))
    const spec = fixture.plane.tunnelSpec(1 as TunnelHandle)
    fixture.stop()
    return [answer?.header('X-CSTP-Keepalive'), answer?.header('X-DTLS-Told'), spec?.learning, spec?.keepaliveSec, spec?.dtlsDpdSec, spec?.dtlsKeepaliveSec]
  }
  assert.equal(await offered(android, true), ['120', '312 312', true, 120, 45, 0])
  assert.equal(await offered(android, false), ['20', '20 300', undefined, 20, undefined, undefined])
  assert.equal(await offered(AGENTS.openconnect, true), ['20', '20 30', undefined, 20, undefined, undefined])
})
test('G16 a family without a split network of its own gets its pool, not a default route', async () => {
  const answer = await connect({ policy: { splitInclude: ['10.0.0.0/8'] } })
  assert.equal(answer.all('X-CSTP-Split-Include'), ['10.0.0.0/255.0.0.0'])
  assert.equal(answer.all('X-CSTP-Split-Include-IP6'), ['fd20::/64'])
  const six = await connect({ policy: { splitInclude: ['fd00::/8'] } })
  assert.equal(six.all('X-CSTP-Split-Include'), ['10.20.0.0/255.255.0.0'])
})
test('G16 the local network is the first exclusion', async () => {
  const answer = await connect({ policy: { localLan: true, splitExclude: ['10.9.0.0/16', '2001:db8::/32'] } })
  assert.equal(answer.all('X-CSTP-Split-Exclude'), ['0.0.0.0/255.255.255.255', '10.9.0.0/255.255.0.0'])
  assert.equal(answer.all('X-CSTP-Split-Exclude-IP6'), ['::/128', '2001:db8::/32'])
})
test('rekeying that is off is told as once a year, never as none', async () => {
  const answer = await connect({ policy: { rekeyTimeSec: 0, rekeyMethod: 'ssl' } })
  assert.is(answer.header('X-CSTP-Rekey-Method'), 'new-tunnel')
  assert.is(answer.header('X-CSTP-Rekey-Time'), '31536000')
})
test('D05 the remaining time shrinks and counts from the login', async () => {
  const fixture = portFixture({ policy: { sessionTimeoutSec: 3600 } })
  const cookie = await login(fixture.connect())
  fixture.clock.time += 600_000
  const answer = await fixture.connect().raw(connectText(cookie))
  assert.is(answer?.header('X-CSTP-Session-Timeout'), '3600')
  assert.is(answer?.header('X-CSTP-Session-Timeout-Remaining'), '3000')
  assert.is(answer?.header('X-CSTP-Lease-Duration'), '3000')
  fixture.stop()
})
test('D07 a second CONNECT with the cookie gets literally the same addresses', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const addresses = async (): Promise<unknown> => {
    const answer = await fixture.connect().raw(connectText(cookie))
    return ['X-CSTP-Address', 'X-CSTP-Netmask', 'X-CSTP-Address-IP6'].map((name) => answer?.header(name))
  }
  assert.equal(await addresses(), await addresses())
  fixture.stop()
})
test('D07 a CONNECT with the cookie asks no back-end', async () => {
  const backend = new PasswordBackend()
  const fixture = portFixture({ backends: [backend] })
  const cookie = await login(fixture.connect())
  backend.begin = () => {
    throw new Error('asked')
  }
  const { asked } = backend
  for (let round = 0; round < 3; round++) assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  assert.is(backend.asked, asked)
  assert.not.ok(fixture.log.lines.some((line) => line.includes('asked')))
  fixture.stop()
})
test('D04 a tunnel outlives max-login-time and every limit of a request, and so does its cookie', async () => {
  let now = 0
  const fixture = portFixture({ maxLoginTimeMs: 10_000, port: { now: () => now, checkingIntervalMs: 5 } })
  const cookie = await login(fixture.connect())
  const client = fixture.connect()
  assert.is((await client.raw(connectText(cookie)))?.status, 200)
  client.wire.take()
  now += 86_400_000
  fixture.clock.time += 86_400_000
  await fixture.connect().post('/', INIT)
  await new Promise((done) => setTimeout(done, 50))
  assert.not.ok(client.wire.ended)
  client.wire.write(frame(FRAME.data, packet('10.20.0.5', '10.20.0.1', 'late')))
  await fixture.plane.settled()
  assert.is(fixture.plane.tun.length, 1)
  assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  fixture.stop()
})
test('an exhausted pool is 503 with a reason, so that the client comes back', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  fixture.sessions.failure = { at: 'lease', error: new GatewayError('POOL_EXHAUSTED', 'pool default') }
  const answer = await fixture.connect().raw(connectText(cookie))
  assert.is(answer?.status, 503)
  assert.is(answer?.header('X-Reason'), 'No address is free')
  fixture.stop()
})
test('a failing store is 503 with the number of the log line and without the cause', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  fixture.sessions.failure = { at: 'lease', error: new GatewayError('STORE_FULL', 'disk /secret/path') }
  const answer = await fixture.connect().raw(connectText(cookie))
  assert.is(answer?.status, 503)
  const id = /\(([0-9a-f]{8})\)/.exec(answer?.header('X-Reason') ?? '')?.[1] ?? 'none'
  assert.ok(fixture.log.lines.some((line) => line.includes(id) && line.includes('/secret/path')))
  assert.not.match(JSON.stringify(answer), /secret/)
  fixture.stop()
})
test('a negotiator adds headers and settings, and overrides none', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  fixture.slots.negotiator.add({ name: 'dtls', negotiate: () => ({ headers: [['X-DTLS-Port', '443'], ['x-cstp-mtu', '9000'], ['X-CSTP-DNS', '10.1.0.53']], tunnel: { mtu: 9000 } }) }, 'test')
  const answer = await fixture.connect().raw(connectText(cookie))
  assert.is(answer?.header('X-DTLS-Port'), '443')
  assert.equal(answer?.all('X-CSTP-MTU'), ['1399'])
  assert.equal(answer?.all('X-CSTP-DNS'), ['10.20.0.1', '10.1.0.53'])
  assert.is(fixture.plane.tunnelSpec(1 as never)?.mtu, 1399)
  fixture.stop()
})
test('G15 compression is answered when the policy says so, and the data plane hears of both channels', async () => {
  const accept = { 'X-CSTP-Accept-Encoding': 'lzs,deflate' }
  const off = await connect({ headers: accept })
  assert.is(off.header('X-CSTP-Content-Encoding'), undefined)
  const fixture = portFixture({ policy: { compression: true } })
  const cookie = await login(fixture.connect())
  fixture.slots.negotiator.add({ name: 'dtls', negotiate: () => ({ headers: [], tunnel: { compression: { dtls: 'oc-lz4' } } }) }, 'test')
  const answer = await fixture.connect().raw(connectText(cookie, accept))
  assert.equal(answer?.all('X-CSTP-Content-Encoding'), ['lzs'])
  assert.equal(fixture.plane.tunnelSpec(1 as never)?.compression, { dtls: 'oc-lz4', cstp: 'lzs' })
  assert.is((await fixture.connect().raw(connectText(cookie)))?.header('X-CSTP-Content-Encoding'), undefined)
  assert.equal(fixture.plane.tunnelSpec(2 as never)?.compression, { dtls: 'oc-lz4' })
  fixture.stop()
})
test('G08 mtu over an IPv6 connection leaves room for the longer header', async () => {
  const answer = await connect({ policy: { mtu: 9000 }, headers: { 'X-CSTP-MTU': '9000' }, peer: '2001:db8::7' })
  assert.is(answer.header('X-CSTP-MTU'), '1414')
})

test('D08 deny-roaming: a cookie from another address is refused with its reason, and the data plane hears of it', async () => {
  const fixture = portFixture({ policy: { denyRoaming: true } })
  const cookie = await login(fixture.connect())
  const elsewhere = await fixture.connect({ peer: { address: '198.51.100.9', port: 5000 } }).raw(connectText(cookie))
  assert.is(elsewhere?.status, 401)
  assert.is(elsewhere?.header('X-Reason'), 'This session may not move to another address')
  assert.ok(fixture.log.lines.some((line) => line.includes('deny-roaming') && line.includes('198.51.100.9')))
  assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  assert.is(fixture.plane.tunnelSpec(1 as never)?.roaming, false)
  assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  fixture.stop()
})
test('D08 without deny-roaming the cookie may come from anywhere', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  assert.is((await fixture.connect({ peer: { address: '2001:db8::9', port: 5000 } }).raw(connectText(cookie)))?.status, 200)
  assert.is(fixture.plane.tunnelSpec(1 as never)?.roaming ?? true, true)
  fixture.stop()
})

test.run()
