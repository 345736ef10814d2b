import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DtlsConfig } from './config.ts'
import { MAX_OFFERED } from './dtls-request.ts'
import { SUITES, suiteOrder } from './suite.ts'
import { answer, CLIENTS, SECRET } from './testing.ts'

const refusals = (ciphers: readonly unknown[]): string => DtlsConfig.safeParse({ ciphers }).error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ') ?? ''
const kinds = (aes: boolean, header: string): string => [...new Set(suiteOrder([], aes).filter((suite) => suite.header === header).map(({ kind }) => kind))].join(' ')

test('G14 the processor decides the order: ChaCha20 first where AES is slow, CBC last everywhere', () => {
  assert.is(kinds(true, 'psk'), 'aes256-gcm aes128-gcm chacha20')
  assert.is(kinds(false, 'psk'), 'chacha20 aes128-gcm aes256-gcm')
  assert.is(kinds(true, 'X-DTLS12-CipherSuite'), 'aes256-gcm aes128-gcm chacha20 aes-cbc')
  assert.is(kinds(false, 'X-DTLS12-CipherSuite'), 'chacha20 aes128-gcm aes256-gcm aes-cbc')
  for (const aes of [true, false]) {
    assert.equal(new Set(suiteOrder([], aes)), new Set(SUITES))
    const order = suiteOrder([], aes).map(({ kind }) => kind === 'aes-cbc')
    assert.is(order.indexOf(true), order.lastIndexOf(false) + 1)
  }
  assert.equal(answer(CLIENTS['openconnect 9.01, GnuTLS'], { aesIsFast: false }).offer?.ciphers[0], 'PSK-CHACHA20-POLY1305')
  assert.equal(answer(CLIENTS['Windows 5.1'], { aesIsFast: false }).offer?.ciphers, ['ECDHE-RSA-AES128-GCM-SHA256'])
})

test('G14 configured suites are the only ones, in the order of the list', () => {
  const openconnect = CLIENTS['openconnect 9.01, GnuTLS']
  assert.equal(answer(openconnect, { ciphers: ['PSK-CHACHA20-POLY1305', 'PSK-AES128-GCM-SHA256'] }).offer?.ciphers, ['PSK-CHACHA20-POLY1305', 'PSK-AES128-GCM-SHA256'])
  assert.equal(answer(openconnect, { ciphers: ['ECDHE-RSA-AES128-GCM-SHA256'] }).offer?.ciphers, ['ECDHE-RSA-AES128-GCM-SHA256'])
  assert.equal(answer(CLIENTS['Windows 5.1'], { ciphers: ['AES128-SHA', 'ECDHE-RSA-AES256-GCM-SHA384'] }).offer?.ciphers, ['AES128-SHA'])
  assert.is(answer(CLIENTS['Windows 5.1'], { ciphers: ['PSK-AES256-GCM-SHA384'] }).offer, undefined)
})

test('G14 a name that is none is refused with the nearest, and so is one listed twice', () => {
  assert.is(refusals([]), '')
  assert.is(refusals(SUITES.map(({ name }) => name)), '')
  assert.is(refusals(['PSK-AES256-GCM-SHA385']), 'ciphers.0 unknown cipher suite "PSK-AES256-GCM-SHA385"; did you mean "PSK-AES256-GCM-SHA384"?')
  assert.match(refusals(['AES256-SHA', 'TLS_AES_256_GCM_SHA384']), /^ciphers\.1 unknown cipher suite "TLS_AES_256_GCM_SHA384"/)
  assert.match(refusals(['rot13']), /unknown cipher suite "rot13" \(plugins\/dtls\/README\.md lists them\)/)
  assert.match(refusals(['x'.repeat(10_000)]), /^.{0,200}$/)
  assert.is(refusals(['AES256-SHA', 'AES256-SHA']), 'ciphers.1 "AES256-SHA" is listed twice')
  assert.match(refusals([256]), /^ciphers\.0 /)
})

test('the README lists every name, in the order of the table', () => {
  const table = /Names for `ciphers`[^]*?\n\n(\|[^]*?)\n\n/.exec(readFileSync(new URL('README.md', import.meta.url), 'utf8'))?.[1] ?? ''
  const listed = table.split('\n').slice(2).flatMap((row) => [...(row.split('|')[2] ?? '').replace(/\(.*\)/, '').matchAll(/`([^`]+)`/g)].map(([, name]) => name))
  assert.equal(listed, SUITES.map(({ name }) => name))
})

test('every name is unique, and what a resumed session gets is never a PSK or an ECDSA suite', () => {
  assert.is(new Set(SUITES.map(({ name }) => name)).size, SUITES.length)
  for (const { header, cipher } of SUITES) if (header !== 'psk') assert.not.match(cipher, /PSK|ECDSA|^OC/)
})

test(`no more than ${MAX_OFFERED} names of a header are looked at`, () => {
  const offered = (before: number) => answer({ 'X-DTLS12-CipherSuite': `${'x:'.repeat(before)}AES256-GCM-SHA384`, 'X-DTLS-Master-Secret': SECRET }).offer?.mode
  assert.is(offered(MAX_OFFERED - 1), 'resumed')
  assert.is(offered(MAX_OFFERED), undefined)
})

test.run()
