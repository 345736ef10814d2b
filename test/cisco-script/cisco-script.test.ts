import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askNewPassword, type AuthBackend, type AuthForm, type AuthStep } from '../../core/api.ts'
import { group, PasswordBackend, portFixture } from '../../plugins/anyconnect/testing.ts'
import { challengeForm, typed } from '../../plugins/auth-radius/forms.ts'
import { ChannelIds } from '../../plugins/dtls/channel-ids.ts'
import { DtlsNegotiator } from '../../plugins/dtls/negotiator.ts'
import { suiteOrder } from '../../plugins/dtls/suite.ts'
import { directory } from '../../plugins/dtls/testing.ts'
import { readAuthForm } from './auth-form.ts'
import { CiscoClient } from './cisco-client.ts'
import { CISCO_CLIENTS, WINDOWS } from './clients.ts'
import { connectProblems } from './connect-check.ts'
import { dtlsProblems } from './dtls-step.ts'
import type { HeaderLine } from './http-exchange.ts'
import { fakeDial, fakeDialDtls } from './wire.ts'

const SHA1 = 'AB'.repeat(20)

type Fixture = ReturnType<typeof portFixture>
/** As the plugin does it when the gateway starts. */
function negotiateDtls({ slots, info, log }: Fixture): void {
  const negotiator = new DtlsNegotiator((aesIsFast) => suiteOrder([], aesIsFast), new ChannelIds(directory(), log), log)
  negotiator.deviceUp(info)
  slots.negotiator.add(negotiator, 'dtls')
}

for (const kind of CISCO_CLIENTS) {
  test(`cisco-script G03 G08 G12 G19 D07 ${kind.name}: a whole life from login to logout`, async () => {
    const fixture = portFixture({
      certificateSha1: SHA1,
      groups: [group('default', 'Everybody'), group('staff', 'Staff')],
      policy: { dns: ['10.20.0.1', 'fd20::1'], splitInclude: ['10.0.0.0/8'], localLan: true, banner: 'Hello' },
    })
    negotiateDtls(fixture)
    const { plane } = fixture
    const client = new CiscoClient({ dial: fakeDial(plane), dialDtls: fakeDialDtls(plane), host: 'vpn.example.com', kind, user: 'test', password: 'test123', leafSha1: SHA1 })
    await client.run()
    await plane.settled()
    assert.is(plane.tun.length, 4, 'two packets over TLS, two over DTLS')
    assert.is(plane.stats().dtlsHandshakes, 2n)
    assert.is(fixture.sessions.list().length, 0)
    assert.is(fixture.audit.entries.filter(({ ok }) => !ok).length, 0, 'the empty user name is no failure')
    assert.is(fixture.sessions.logins[0]?.device.mobile, kind.mobile)
    assert.is(fixture.port.size, 0)
    fixture.stop()
  })
}

const WRONG = { kind: 'refused', reason: 'wrong-credentials', user: 'test' } as const
/** Two rounds of a RADIUS server, then the password that it wants changed. */
const rounds = (): AuthBackend => {
  const change = (): AuthStep => askNewPassword('Your password has expired.', {
    problem: (password) => (password === 'short' ? 'too short' : undefined),
    replace: async () => ({ kind: 'identity', identity: { user: 'test', groups: [], source: 'radius' } }),
    refuse: () => WRONG,
  })
  const asked = (form: AuthForm, right: string, next: () => AuthStep): AuthStep => ({ kind: 'form', form, answer: async (values) => (typed(values) === right ? next() : WRONG) })
  return { name: 'radius', begin: () => asked(challengeForm('Enter the code <1 & 2>\nfrom your token', false), 'one & <two>', () => asked(challengeForm('Again, please', true), 'three', change)) }
}
const fresh = (label: string) => ({ type: 'password', name: 'new_password', label })
const RIGHT = ['one & <two>', 'three', 'new horse', 'new horse']

for (const kind of CISCO_CLIENTS) {
  test(`cisco-script G03 G22 G23 ${kind.name}: answers challenges and changes a password in forms of their ids, one dialogue from first to last`, async () => {
    const fixture = portFixture({ certificateSha1: SHA1, groups: [group('default', 'Everybody', [['local', 'radius']]), group('staff', 'Staff')], backends: [new PasswordBackend(), rounds()] })
    const script = (...answers: string[]): CiscoClient =>
      new CiscoClient({ dial: fakeDial(fixture.plane), host: 'vpn.example.com', kind, user: 'test', password: 'test123', leafSha1: SHA1, answers })
    const client = script('one & <two>', 'three', 'short', 'new horse', 'new horse')
    await client.run()
    assert.equal(client.forms.map(({ id, message, error, inputs }) => [id, message, error, inputs]), [
      ['challenge', 'Enter the code <1 & 2>\nfrom your token', undefined, [{ type: 'password', name: 'answer', label: 'Response:' }]],
      ['challenge', 'Again, please', undefined, [{ type: 'text', name: 'answer', label: 'Response:' }]],
      ['passwd', 'Your password has expired.', undefined, [fresh('New password:')]],
      ['passwd', 'This password is not acceptable: too short.', undefined, [fresh('New password:')]],
      ['passwd', 'Please enter the new password once more.', undefined, [fresh('New password again:')]],
    ])
    assert.is(new Set(client.forms.map(({ opaque }) => opaque)).size, 1, 'the clock stands still')
    // A wrong answer begins the dialogue anew, with its error over the first form.
    const again = script('wrong', 'test123', ...RIGHT)
    await again.login()
    assert.equal(again.forms.map(({ id, error }) => [id, error]), [['challenge', undefined], ['main', 'Login failed. Please check your user name and password.'], ['challenge', undefined], ['challenge', undefined], ['passwd', undefined], ['passwd', undefined]])
    fixture.stop()
  })
}

const FORM = '<?xml version="1.0" encoding="UTF-8"?>\n<config-auth client="vpn" type="auth-request" aggregate-auth-version="2"><opaque is-for="sg"><tunnel-group>a</tunnel-group><aggauth-handle>1</aggauth-handle></opaque><auth id="challenge"><title>Login</title><message>m</message><form method="post" action="/"><input type="password" name="answer" label="a:"></input></form></auth></config-auth>\n'
test('cisco-script: the reader of forms takes a good one, and finds what makes a client give up', () => {
  assert.is(readAuthForm(FORM).id, 'challenge')
  const cases: readonly (readonly [from: string, to: string, problem: RegExp])[] = [
    ['auth-request', 'complete', /no auth-request/], ['<opaque', '<!-- --><opaque', /not an opaque/], ['id="challenge"', 'id="other"', /the id other/], [' method="post"', '', /method/], [' action="/"', '', /action/],
    ['<title>Login</title><message>m</message>', '<message>m</message><title>Login</title>', /order/], ['<form', '<form></form><form', /form/], [' label="a:"', '', /label/],
    ['</form>', '<input type="password" name="new_password" label="b:"></input></form>', /one name/],
  ]
  for (const [from, to, problem] of cases) assert.throws(() => readAuthForm(FORM.replace(from, to)), problem, to)
})

const GOOD: readonly HeaderLine[] = [
  ['X-CSTP-Version', '1'], ['X-CSTP-Protocol', 'Copyright (c) 2004 Cisco Systems, Inc.'], ['X-CSTP-Address', '10.0.0.5'], ['X-CSTP-Netmask', '255.255.0.0'], ['X-CSTP-Lease-Duration', '1'],
  ['X-CSTP-Keep', 'true'], ['X-CSTP-Rekey-Method', 'new-tunnel'], ['X-CSTP-MTU', '1400'], ['X-CSTP-License', 'accept'], ['X-CSTP-DNS', '10.0.0.1'], ['X-CSTP-DNS', '10.0.0.2'],
  ['X-CSTP-Split-Include', '10.0.0.0/255.0.0.0'],
]
const phone = { mobile: true, ios: true }
const changed = (name: string, ...lines: readonly HeaderLine[]): readonly HeaderLine[] => [...GOOD.filter(([key]) => key !== name), ...lines]

test('cisco-script: the check of the CONNECT answer accepts a good one', () => {
  assert.equal(connectProblems(GOOD, phone), [])
})
test('cisco-script: the check finds each thing that makes a client give up', () => {
  const cases: readonly (readonly [readonly HeaderLine[], RegExp])[] = [
    [changed('X-CSTP-MTU', ['x-cstp-mtu', '1400']), /^casing/],
    [changed('', ['X-CSTP-MTU', '1400']), /multiple 'X-CSTP-MTU'/],
    [changed('X-CSTP-Netmask', ['X-CSTP-Netmask', '16']), /NETMASK/],
    [changed('X-CSTP-Netmask', ['X-CSTP-Netmask', '255.255.255.255']), /\/32/],
    [changed('X-CSTP-Split-Include', ['X-CSTP-Split-Include', '10.0.0.0/8']), /INVALID_SPLIT_NETWORK/],
    [changed('X-CSTP-License'), /NO_LICENSE/],
    [changed('X-CSTP-Rekey-Method', ['X-CSTP-Rekey-Method', 'none']), /BAD_REKEY_METHOD/],
    [changed('', ['X-CSTP-DNS', 'fd20::1']), /IPv6 in X-CSTP-DNS/],
    [changed('', ['X-CSTP-Address-IP6', 'fd20::5/64'], ['X-CSTP-Split-Include-IP6', '2000::/3']), /\/128/],
    [changed('', ['X-CSTP-Address-IP6', 'fd20::5/128']), /default route/],
    [changed('X-CSTP-Protocol'), /COPYRIGHT/],
    [changed('X-CSTP-Address'), /ADDRESS/],
    [changed('', ['X-CSTP-Adress', 'x']), /unknown/],
  ]
  for (const [headers, problem] of cases) {
    const found = connectProblems(headers, phone)
    assert.is(found.length, 1, `${problem}: ${found.join('; ')}`)
    assert.match(found[0] ?? '', problem)
  }
})
test('cisco-script: without the DTLS plugin the whole life goes on over TLS, and no X-DTLS header comes', async () => {
  const fixture = portFixture({ certificateSha1: SHA1 })
  const client = new CiscoClient({ dial: fakeDial(fixture.plane), host: 'vpn.example.com', kind: WINDOWS, user: 'test', password: 'test123', leafSha1: SHA1 })
  const token = await client.login()
  const { answer } = await client.connect(token)
  assert.equal(answer.headers.filter(([name]) => /^x-dtls/i.test(name)), [])
  fixture.stop()
})

const DTLS_GOOD: readonly HeaderLine[] = [
  ['X-CSTP-MTU', '1399'], ['X-CSTP-DPD', '30'], ['X-CSTP-Keepalive', '20'], ['X-DTLS-Session-ID', 'ab'.repeat(32)], ['X-DTLS-Port', '443'], ['X-DTLS-DPD', '30'], ['X-DTLS-Keepalive', '20'], ['X-DTLS-MTU', '1399'],
  ['X-DTLS12-CipherSuite', 'ECDHE-RSA-AES256-GCM-SHA384'],
]
test('cisco-script G12: the check of the DTLS answer accepts a good one and finds what keeps a client from DTLS', () => {
  const sent: readonly HeaderLine[] = [['X-DTLS12-CipherSuite', 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384']]
  assert.equal(dtlsProblems(DTLS_GOOD, sent), [])
  const cases: readonly (readonly [name: string, value: string | undefined, problem: RegExp])[] = [
    ['X-DTLS-Session-ID', 'ab'.repeat(31), /Session-ID/],
    ['X-DTLS-Port', '0', /Port/],
    ['X-DTLS12-CipherSuite', 'AES128-SHA', /was not offered/],
    ['X-DTLS12-CipherSuite', undefined, /undefined was not offered/],
    ['X-DTLS12-CipherSuite', 'ECDHE-ECDSA-AES256-GCM-SHA384', /ECDSA/],
    ['X-DTLS-CipherSuite', 'AES128-SHA', /beside/],
    ['X-DTLS-App-ID', 'ab', /App-ID/],
    ['X-DTLS-MTU', '1400', /is not X-CSTP-MTU/],
    ['X-DTLS-DPD', 'none', /DPD/],
    ['X-DTLS-Content-Encoding', 'lzs', /compression/],
    ['X-DTLS-Rekey-Method', 'ssl', /Rekey/],
  ]
  for (const [name, value, problem] of cases) {
    const lines = DTLS_GOOD.filter(([key]) => key !== name)
    const found = dtlsProblems(value === undefined ? lines : [...lines, [name, value]], sent)
    assert.is(found.length, 1, `${problem}: ${found.join('; ')}`)
    assert.match(found[0] ?? '', problem)
  }
})
test('cisco-script: a client gives up when the certificate is not the one it met', async () => {
  const fixture = portFixture({ certificateSha1: 'CD'.repeat(20) })
  const client = new CiscoClient({ dial: fakeDial(fixture.plane), host: 'vpn.example.com', kind: CISCO_CLIENTS[0] as (typeof CISCO_CLIENTS)[number], user: 'test', password: 'test123', leafSha1: SHA1 })
  let told = ''
  await client.login().catch((error: unknown) => { told = String(error) })
  assert.match(told, /server-cert-hash is not the SHA-1/)
  fixture.stop()
})

test.run()
