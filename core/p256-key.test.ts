import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerError } from './errors.ts'
import { p256Key } from './p256-key.ts'

const spki = (curve: string): Buffer => generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ format: 'der', type: 'spki' })
const refused = (bytes: Uint8Array): void => assert.throws(() => p256Key(bytes), (error: unknown) => error instanceof PeerError && error.wire === 'key')

test('a P-256 key is read', () => {
  const der = spki('P-256')
  assert.equal(p256Key(der).export({ format: 'der', type: 'spki' }), der)
})

test('other curves, other lengths and points beside the curve are refused', () => {
  const der = spki('P-256')
  refused(spki('P-384'))
  refused(spki('secp256k1'))
  refused(generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }))
  refused(new Uint8Array())
  refused(der.subarray(0, 90))
  refused(Buffer.concat([der, Buffer.alloc(1)]))
  for (let at = 0; at < der.length; at++) {
    const bad = Buffer.from(der)
    bad.writeUInt8(bad.readUInt8(at) ^ 1, at)
    refused(bad)
  }
})

test.run()
