import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Session } from '../../core/api.ts'
import { answer, answerTo, CLIENTS, connectRequest, SECRET, session, TUNNEL, directory } from './testing.ts'

const PSK = 'PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256:PSK-CHACHA20-POLY1305'
/** What each client gets: mode, suites on the wire, header and name of the choice. */
const CHOSEN: Readonly<Record<keyof typeof CLIENTS, readonly [mode: string, ciphers: string, header: string, name: string] | undefined>> = {
  'openconnect 9.01, GnuTLS': ['psk', PSK, 'X-DTLS-CipherSuite', 'PSK-NEGOTIATE'],
  'openconnect, OpenSSL': ['psk', PSK, 'X-DTLS-CipherSuite', 'PSK-NEGOTIATE'],
  'openconnect 7.06': ['resumed', 'AES256-GCM-SHA384', 'X-DTLS-CipherSuite', 'OC-DTLS1_2-AES256-GCM'],
  'Windows 5.1': ['resumed', 'ECDHE-RSA-AES256-GCM-SHA384', 'X-DTLS12-CipherSuite', 'ECDHE-RSA-AES256-GCM-SHA384'],
  'macOS 4.10': ['resumed', 'ECDHE-RSA-AES256-GCM-SHA384', 'X-DTLS12-CipherSuite', 'ECDHE-RSA-AES256-GCM-SHA384'],
  'iOS 5.1': ['resumed', 'ECDHE-RSA-AES256-GCM-SHA384', 'X-DTLS12-CipherSuite', 'ECDHE-RSA-AES256-GCM-SHA384'],
  'Android 5.1': ['resumed', 'ECDHE-RSA-AES128-GCM-SHA256', 'X-DTLS12-CipherSuite', 'ECDHE-RSA-AES128-GCM-SHA256'],
  'AnyConnect 3.1': undefined,
}
const names = Object.keys(CLIENTS) as (keyof typeof CLIENTS)[]
const modern = names.filter((name) => CHOSEN[name] !== undefined)

for (const name of modern) {
  test(`G11 G12 cisco-script ${name}: mode, suite and the header that the client reads it from`, () => {
    const { headers, offer } = answer(CLIENTS[name])
    const [mode, ciphers, header, suite] = CHOSEN[name] ?? []
    assert.equal([offer?.mode, offer?.ciphers.join(':')], [mode, ciphers])
    assert.equal(headers.filter(([key]) => key.endsWith('CipherSuite')), [[header, suite]])
  })
}

test('G11 the answer to a client with a pre-shared key, header by header', () => {
  const { headers, offer } = answer(CLIENTS['openconnect 9.01, GnuTLS'])
  assert.equal(headers, [
    ['X-DTLS-App-ID', Buffer.from(offer?.id ?? []).toString('hex')], ['X-DTLS-Port', '443'], ['X-DTLS-Keepalive', '20'], ['X-DTLS-DPD', '30'], ['X-DTLS-CipherSuite', 'PSK-NEGOTIATE'],
  ])
  assert.is(offer?.id.length, 32)
  assert.is(offer?.helloVerify, true)
  assert.is(offer?.masterSecret, undefined)
})

test('G12 cisco-script the answer to a client that resumes, header by header: no HelloVerifyRequest, X-DTLS-MTU is X-CSTP-MTU', () => {
  const { headers, offer } = answer(CLIENTS['Windows 5.1'])
  assert.equal(headers, [
    ['X-DTLS-Session-ID', Buffer.from(offer?.id ?? []).toString('hex')], ['X-DTLS-Port', '443'], ['X-DTLS-Keepalive', '20'], ['X-DTLS-DPD', '30'],
    ['X-DTLS-MTU', String(TUNNEL.mtu)], ['X-DTLS12-CipherSuite', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ])
  assert.match(headers[0]?.[1] ?? '', /^[0-9a-f]{64}$/)
  assert.is(offer?.helloVerify, false)
  assert.equal(offer?.masterSecret, Buffer.from(SECRET, 'hex'))
})

test('G12 a client of DTLS 0.9 stays on TLS and the log says why', () => {
  const { headers, offer, log } = answer(CLIENTS['AnyConnect 3.1'])
  assert.equal([headers, offer], [[], undefined])
  assert.equal(log.lines, [`no dtls {"session":"${'a'.repeat(26)}","user":"bob","reason":"the client knows DTLS 0.9 only"}`])
})

test('G12 a master secret that is not 96 hexadecimal digits: no DTLS, and the log has the reason but not the secret', () => {
  const client = CLIENTS['Windows 5.1']
  for (const secret of ['', 'AB'.repeat(47), 'AB'.repeat(49), `${'AB'.repeat(47)}AG`, `${'AB'.repeat(48)}A`, `0x${'AB'.repeat(47)}`, ['AB'.repeat(48), 'CD'.repeat(48)]]) {
    const { headers, offer, log } = answer({ ...client, 'X-DTLS-Master-Secret': secret })
    assert.equal([headers, offer], [[], undefined], String(secret))
    assert.match(log.lines[0] ?? '', /X-DTLS-Master-Secret is not 96 hexadecimal digits/)
    assert.not.match(log.lines.join(), /ABAB|CDCD/)
  }
  assert.is(answer({ 'X-DTLS12-CipherSuite': client['X-DTLS12-CipherSuite'] }).offer, undefined)
  for (const secret of [SECRET.toLowerCase(), SECRET.toUpperCase(), ` ${SECRET} `]) assert.equal(answer({ ...client, 'X-DTLS-Master-Secret': secret }).offer?.masterSecret, Buffer.from(SECRET, 'hex'))
})

test('G11 a pre-shared key needs no master secret, and only the exact token offers one', () => {
  const psk = (text: string): string | undefined => answer({ 'X-DTLS-CipherSuite': text, 'X-DTLS-Master-Secret': SECRET }).offer?.mode
  assert.is(answer({ 'X-DTLS-CipherSuite': 'PSK-NEGOTIATE' }).offer?.mode, 'psk')
  assert.is(psk('AES128-SHA: PSK-NEGOTIATE '), 'psk')
  for (const text of ['PSK-NEGOTIATED', 'XPSK-NEGOTIATE', 'psk-negotiate', 'PSK-NEGOTIATE,AES128-SHA']) assert.is(psk(text), undefined, text)
  assert.is(answer({ 'X-DTLS12-CipherSuite': 'PSK-NEGOTIATE' }).offer, undefined)
})

test('G12 each header is answered with a name of its own table', () => {
  const answered = (lines: Record<string, string>) => answer({ ...lines, 'X-DTLS-Master-Secret': SECRET }).headers.filter(([key]) => key.endsWith('CipherSuite'))
  assert.equal(answered({ 'X-DTLS12-CipherSuite': 'OC-DTLS1_2-AES256-GCM' }), [])
  assert.equal(answered({ 'X-DTLS-CipherSuite': 'ECDHE-RSA-AES256-GCM-SHA384:AES256-GCM-SHA384' }), [])
  assert.equal(answered({ 'X-DTLS12-CipherSuite': 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256' }), [])
  assert.equal(answered({ 'X-DTLS-CipherSuite': 'OC2-DTLS1_2-CHACHA20-POLY1305' }), [])
  assert.equal(answered({ 'X-DTLS-CipherSuite': 'OC-DTLS1_2-AES256-GCM', 'X-DTLS12-CipherSuite': 'AES128-GCM-SHA256' }), [['X-DTLS12-CipherSuite', 'AES128-GCM-SHA256']])
  assert.equal(answered({ 'X-DTLS-CipherSuite': 'OC-DTLS1_2-AES128-GCM', 'X-DTLS12-CipherSuite': 'AES256-SHA:DHE-RSA-AES256-SHA' }), [['X-DTLS-CipherSuite', 'OC-DTLS1_2-AES128-GCM']])
  assert.equal(answered({ 'X-DTLS-CipherSuite': 'AES256-SHA', 'X-DTLS12-CipherSuite': 'AES256-SHA:DHE-RSA-AES256-SHA' }), [['X-DTLS12-CipherSuite', 'DHE-RSA-AES256-SHA']])
})

test('cisco-script the id is the same at every CONNECT of a session and after a restart, and another one for every other session and mode', () => {
  const where = directory()
  const id = (client: keyof typeof CLIENTS, of: string): string => Buffer.from(answer(CLIENTS[client], { directory: where, session: session(of) }).offer?.id ?? []).toString('hex')
  const first = id('Windows 5.1', 'one')
  assert.is(id('Windows 5.1', 'one'), first)
  assert.is(id('iOS 5.1', 'one'), first)
  const others = [id('Windows 5.1', 'two'), id('openconnect, OpenSSL', 'one'), Buffer.from(answer(CLIENTS['Windows 5.1'], { session: session('one') }).offer?.id ?? []).toString('hex')]
  assert.is(new Set([first, ...others]).size, 4)
})

test('the port is that of the listener which the client reached; where no datagrams are taken, none are offered', () => {
  const client = CLIENTS['openconnect 9.01, GnuTLS']
  const udp = [{ address: '0.0.0.0', port: 443 }, { address: '0.0.0.0', port: 8443 }]
  assert.equal(answer(client, { udp, port: 8443 }).headers.filter(([key]) => key === 'X-DTLS-Port'), [['X-DTLS-Port', '8443']])
  const { headers, offer, log } = answer(client, { udp, port: 4443 })
  assert.equal([headers, offer], [[], undefined])
  assert.match(log.lines[0] ?? '', /no UDP port 4443 is open/)
  assert.is(answer(client, { udp: [] }).offer, undefined)
})

test('G28 behind a proxy the port is ours, whatever port of the proxy the client dialled', () => {
  const request = connectRequest({ ...CLIENTS['openconnect 9.01, GnuTLS'], Host: 'vpn.example.com', 'User-Agent': 'Open AnyConnect VPN Agent v9.01' }, 8443)
  const port = (connection: typeof request.connection): string | undefined => answerTo({ ...request, connection }, { udp: [{ address: '0.0.0.0', port: 8443 }] }).headers.find(([name]) => name === 'X-DTLS-Port')?.[1]
  assert.is(port(request.connection), '443', 'without one a NAT maps both')
  assert.is(port({ ...request.connection, proxy: { address: '10.0.0.5', port: 4711 } }), '8443')
})

test('the policy key dtls = false: no header and no offer in either mode, the log says which layer', () => {
  const off = { ...session(), policy: { values: { compression: false, dtls: false }, origins: { dtls: 'group guests' } } } as unknown as Session
  for (const name of ['openconnect 9.01, GnuTLS', 'Windows 5.1'] as const) {
    const { headers, offer, log } = answer(CLIENTS[name], { session: off })
    assert.equal([headers, offer], [[], undefined])
    assert.match(log.lines[0] ?? '', /dtls = false in group guests/)
  }
})

test('a client without DTLS headers is not bothered', () => {
  const { headers, offer, log } = answer({ 'X-CSTP-Version': '1', 'X-DTLS-CipherSuite': ' : ' })
  assert.equal([headers, offer], [[], undefined])
  assert.match(log.lines[0] ?? '', /the client asks for none/)
})

test('D12 the room that a record needs: AES-GCM 46, ChaCha20 38, CBC with SHA-1 74 bytes', () => {
  const only = (name: string): number | undefined => answer({ 'X-DTLS-CipherSuite': `PSK-NEGOTIATE`, 'X-DTLS12-CipherSuite': name, 'X-DTLS-Master-Secret': SECRET }, { ciphers: [name] }).overhead
  assert.equal(['ECDHE-RSA-AES256-GCM-SHA384', 'PSK-CHACHA20-POLY1305', 'DHE-RSA-AES256-SHA', 'AES128-SHA256', 'ECDHE-RSA-AES256-SHA384'].map(only), [46, 38, 74, 86, 102])
  assert.is(answer(CLIENTS['openconnect, OpenSSL']).overhead, 46)
})

test('G26 a client that says FIPS gets AES-GCM and nothing else', () => {
  const fips = { 'X-CSTP-FIPS-Mode': 'enabled' }
  assert.equal(answer({ ...CLIENTS['openconnect 9.01, GnuTLS'], ...fips }).offer?.ciphers, ['PSK-AES256-GCM-SHA384', 'PSK-AES128-GCM-SHA256'])
  assert.equal(answer({ ...CLIENTS['Windows 5.1'], ...fips }, { aesIsFast: false }).offer?.ciphers, ['ECDHE-RSA-AES128-GCM-SHA256'])
  const { offer, log } = answer({ ...CLIENTS['Windows 5.1'], ...fips }, { ciphers: ['PSK-CHACHA20-POLY1305', 'AES256-SHA'] })
  assert.is(offer, undefined)
  assert.match(log.lines[0] ?? '', /none of the suites that the client offers may be used; it asks for FIPS/)
  assert.is(answer({ ...CLIENTS['Windows 5.1'], 'X-CSTP-FIPS-Mode': 'disabled' }, { ciphers: ['AES256-SHA'] }).offer?.mode, 'resumed')
})

test('G12 a pad length and encodings are tolerated, compression is not answered unless the policy says so', () => {
  const { headers, offer, compression } = answer({ ...CLIENTS['Windows 5.1'], 'X-DTLS-Header-Pad-Length': '16', 'X-DTLS-Accept-Encoding': 'lzs,oc-lz4' })
  assert.is(offer?.mode, 'resumed')
  assert.is(headers.length, 6)
  assert.is(compression, undefined)
})

test('G15 compression by policy: LZ4 before LZS, never deflate, in both modes', () => {
  const encoding = (lines: Readonly<Record<string, string>>): readonly (string | undefined)[] => {
    const { headers, compression } = answer(lines, { session: session(undefined, true) })
    return [headers.find(([name]) => name === 'X-DTLS-Content-Encoding')?.[1], compression?.dtls]
  }
  assert.equal(encoding(CLIENTS['openconnect 9.01, GnuTLS']), ['oc-lz4', 'oc-lz4'])
  assert.equal(encoding(CLIENTS['Windows 5.1']), ['lzs', 'lzs'])
  assert.equal(encoding(CLIENTS['openconnect 7.06']), [undefined, undefined])
  assert.equal(encoding(CLIENTS['AnyConnect 3.1']), [undefined, undefined])
  for (const offered of ['deflate', '', 'lz4', 'lzs;q=1']) assert.equal(encoding({ ...CLIENTS['Windows 5.1'], 'X-DTLS-Accept-Encoding': offered }), [undefined, undefined], offered)
  assert.equal(encoding({ ...CLIENTS['Windows 5.1'], 'X-DTLS-Accept-Encoding': 'deflate, LZS' }), ['lzs', 'lzs'])
})

test('no client is told to rekey inside DTLS', () => {
  for (const name of names) assert.not.match(JSON.stringify(answer(CLIENTS[name]).headers), /Rekey/)
})

test('D08 X-DTLS-Port is the port that the client dialled when Host names one, else ours', () => {
  const port = (host: string | undefined, agent = 'AnyConnect Windows 5.1.2.42'): string | undefined => {
    const { headers } = answer({ ...CLIENTS['openconnect 9.01, GnuTLS'], 'User-Agent': agent, ...(host !== undefined && { Host: host }) }, { port: 8443, udp: [{ address: '0.0.0.0', port: 8443 }] })
    return headers.find(([name]) => name === 'X-DTLS-Port')?.[1]
  }
  for (const host of ['vpn.example.com:443', '192.0.2.1:443', '[2001:db8::1]:443']) assert.is(port(host), '443', host)
  for (const host of [undefined, '', 'vpn.example.com', '192.0.2.1', '2001:db8::1', '[2001:db8::1]', 'vpn.example.com:0', 'vpn.example.com:65536', 'vpn.example.com:443x', ':443']) assert.is(port(host), '8443', host)
  for (const agent of ['Open AnyConnect VPN Agent v9.01-3', 'AnyConnect-compatible OpenConnect VPN Agent v9.21']) {
    for (const host of ['vpn.example.com', '192.0.2.1', '[2001:db8::1]']) assert.is(port(host, agent), '443', host)
    assert.is(port('192.0.2.1:8443', agent), '8443')
    assert.is(port(undefined, agent), '8443')
  }
})

test.run()
