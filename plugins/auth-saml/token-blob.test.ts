import { createDecipheriv, createECDH, createHmac, generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerError } from '../../core/api.ts'
import { sealToken } from './token-blob.ts'

const SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')

const sha256 = (key: Buffer, ...data: Buffer[]): Buffer => createHmac('sha256', key).update(Buffer.concat(data)).digest()

/** As the client reads it, by raw points and RFC 5869 in two lines. */
function open(blob: string, client: ReturnType<typeof createECDH>): string {
  const bytes = Buffer.from(blob, 'base64')
  assert.equal(bytes.readUInt16BE(0), 1)
  const fields = new Map<number, Buffer>()
  let at = 2
  while (at < bytes.length) {
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    assert.ok(end <= bytes.length)
    fields.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, end))
    at = end
  }
  assert.equal([...fields].map(([type, { length }]) => [type, length]), [[1, 91], [2, 12], [3, fields.get(3)?.length], [4, 12]])
  const spki = fields.get(1) as Buffer
  assert.equal(spki.subarray(0, 26), SPKI_HEAD)
  const secret = client.computeSecret(spki.subarray(26))
  const key = sha256(sha256(Buffer.alloc(32), secret), Buffer.from('AC_ECIES'), Buffer.from([1]))
  const decipher = createDecipheriv('aes-256-gcm', key, fields.get(4) as Buffer, { authTagLength: 12 })
  decipher.setAuthTag(fields.get(2) as Buffer)
  return Buffer.concat([decipher.update(fields.get(3) as Buffer), decipher.final()]).toString()
}

function client(): { readonly ecdh: ReturnType<typeof createECDH>; readonly spki: Buffer } {
  const ecdh = createECDH('prime256v1')
  ecdh.generateKeys()
  return { ecdh, spki: Buffer.concat([SPKI_HEAD, ecdh.getPublicKey()]) }
}

test('G21 the client opens the token, as long as captured', () => {
  const { ecdh, spki } = client()
  const blob = sealToken('SSOTOKEN12345', spki)
  assert.is(Buffer.from(blob, 'base64').length, 146)
  assert.is(open(blob, ecdh), 'SSOTOKEN12345')
})

test('each time it is sealed under a new key', () => {
  const { ecdh, spki } = client()
  const [first, second] = [sealToken('abc', spki), sealToken('abc', spki)]
  assert.is.not(first, second)
  assert.is(open(second, ecdh), 'abc')
})

test('another key does not open it', () => {
  const blob = sealToken('SSOTOKEN12345', client().spki)
  assert.throws(() => open(blob, client().ecdh), /authenticate/)
})

test('what is no P-256 key is refused', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'der', type: 'spki' })
  for (const bytes of [other, Buffer.alloc(91), Buffer.alloc(0), client().spki.subarray(1)]) {
    assert.throws(() => sealToken('abc', bytes), (error: unknown) => error instanceof PeerError)
  }
})

test.run()
