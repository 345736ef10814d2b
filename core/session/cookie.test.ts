import { randomBytes } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COOKIE_LENGTH, NEVER, openCookie, sealCookie, type CookieKey } from './cookie.ts'
import { formatSessionId, newSessionId, parseSessionId } from './session-id.ts'

const key: CookieKey = { id: '0123456789ab', key: randomBytes(32) }
const other: CookieKey = { id: 'ba9876543210', key: randomBytes(32) }
const keyOf = (id: string) => [key, other].find((one) => one.id === id)
const content = { session: newSessionId(), issued: 1_795_000_000_000, expires: NEVER }

test('G07 a cookie comes back as what was sealed, and is another text each time', () => {
  const cookie = sealCookie(content, key)
  assert.is(cookie.length, COOKIE_LENGTH)
  assert.match(cookie, /^[A-Za-z0-9_-]+$/)
  assert.equal(openCookie(cookie, keyOf), content)
  assert.is(new Set(Array.from({ length: 100 }, () => sealCookie(content, key))).size, 100)
  assert.not.ok(Buffer.from(cookie, 'base64url').includes(Buffer.from(parseSessionId(content.session) ?? [])))
})

test('G07 a cookie altered in one bit is refused', () => {
  const bytes = Buffer.from(sealCookie(content, key), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const altered = Buffer.from(bytes)
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.type(openCookie(altered.toString('base64url'), keyOf), 'string', `bit ${bit}`)
  }
})

test('G07 every altered character is refused: none has bits to spare', () => {
  const cookie = sealCookie(content, key)
  for (let at = 0; at < cookie.length; at++) {
    for (const character of 'AQgw_-9') {
      if (cookie[at] === character) continue
      assert.type(openCookie(cookie.slice(0, at) + character + cookie.slice(at + 1), keyOf), 'string')
    }
  }
})

test('G07 a foreign key, another key\'s id and other texts are refused', () => {
  assert.is(openCookie(sealCookie(content, { id: 'ffffffffffff', key: randomBytes(32) }), keyOf), 'forged')
  assert.is(openCookie(sealCookie(content, { id: other.id, key: key.key }), keyOf), 'forged')
  const cookie = sealCookie(content, key)
  for (const text of ['', 'x', cookie.slice(1), `${cookie}A`, `${cookie}==`, `"${cookie}"`, cookie.replace(/^./, '!'), 'A'.repeat(COOKIE_LENGTH), '\u0000'.repeat(COOKIE_LENGTH), 'é'.repeat(COOKIE_LENGTH)]) {
    assert.is(openCookie(text, keyOf), 'malformed', text)
  }
})

test('session ids are 26 characters of base32 and 128 bits each way', () => {
  for (let round = 0; round < 200; round++) {
    const bytes = new Uint8Array(randomBytes(16))
    const id = formatSessionId(bytes)
    assert.match(id, /^[a-z2-7]{26}$/)
    assert.equal(parseSessionId(id), bytes)
  }
  for (const text of ['', 'a'.repeat(25), 'A'.repeat(26), `${'a'.repeat(25)}b`]) assert.is(parseSessionId(text), undefined)
})

test.run()
