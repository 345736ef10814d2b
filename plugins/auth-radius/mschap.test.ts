import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { md4 } from './md4.ts'
import { authenticatorResponse, ntHash, ntResponse, rc4, readMsChapError, sealedHash, sealedPassword } from './mschap.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('MD4: the vectors of RFC 1320', () => {
  const vectors = {
    '': '31d6cfe0d16ae931b73c59d7e0c089c0', 'a': 'bde52cb31de33e46245e05fbdbd6fb24', 'abc': 'a448017aaf21d8525fc10ae87aa6729d', 'message digest': 'd9130a8164549fe818874806e1c7014b',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789': '043f8582f241db351ce627e153e7f0e4',
    '12345678901234567890123456789012345678901234567890123456789012345678901234567890': 'e33b4ddc9c38f2199c3e7b164fcc0536',
  }
  for (const [text, digest] of Object.entries(vectors)) assert.is(md4(Buffer.from(text)).toString('hex'), digest)
})
test('RC4: the vectors of the cipher', () => {
  assert.is(rc4(Buffer.from('Key'), Buffer.from('Plaintext')).toString('hex'), 'bbf316e8d940af0ad3')
  assert.is(rc4(Buffer.from('Secret'), Buffer.from('Attack at dawn')).toString('hex'), '45a01f645fc35b383552544b9bf5')
})
test('MS-CHAPv2: the example of RFC 2759 section 9.2', () => {
  const authenticator = hex('5B 5D 7C 7D 7B 3F 2F 3E 3C 2C 60 21 32 26 26 28')
  const peer = hex('21 40 23 24 25 5E 26 2A 28 29 5F 2B 3A 33 7C 7E')
  const hash = ntHash('clientPass')
  assert.equal(hash, hex('44 EB BA 8D 53 12 B8 D6 11 47 44 11 F5 69 89 AE'))
  const response = ntResponse(authenticator, peer, 'User', hash)
  assert.equal(response, hex('82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF'))
  assert.equal(ntResponse(authenticator, peer, 'CORP\\User', hash), response)
  assert.is(authenticatorResponse(hash, response, authenticator, peer, 'User'), 'S=407A5589115FD0D6209F510FE9C04566932CDA56')
})
test('a new password opens with the old hash, the old hash with the new one', () => {
  const old = ntHash('MyPw')
  assert.equal(old, hex('FC 15 6A F7 ED CD 6C 0E DD E3 33 7D 42 7F 4E AC'))
  const fresh = ntHash('MyPw1')
  const opened = rc4(old, sealedPassword('MyPw1', old))
  assert.is(opened.readUInt32LE(512), 10)
  assert.is(opened.subarray(502, 512).toString('utf16le'), 'MyPw1')
  assert.is(sealedHash(old, fresh).length, 16)
  assert.throws(() => sealedPassword('x'.repeat(257), old), RangeError)
})
test('errors of MS-CHAP are read, whatever is behind them', () => {
  const challenge = '00112233445566778899aabbccddeeff'
  assert.equal(readMsChapError(Buffer.from(`\x01E=648 R=0 C=${challenge} V=3 M=Password expired`)), { code: 648, challenge: hex(challenge), message: 'Password expired' })
  assert.equal(readMsChapError(Buffer.from('\0E=691 R=1')), { code: 691, challenge: undefined, message: undefined })
  assert.is(readMsChapError(Buffer.from('nonsense')), undefined)
})

test.run()
