import { createPublicKey, type KeyObject } from 'node:crypto'
import { PeerError } from './errors.ts'

/** SubjectPublicKeyInfo of an uncompressed point on the named curve, up to the point's coordinates (RFC 5480). */
const SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex')
const SPKI_BYTES = 91

/**
 * A client's P-256 key from its DER, 91 bytes: the one form that clients send (reference/protocol sections 4.3 and 4.4).
 * Throws `PeerError` (`key`) for anything else, a point beside the curve included.
 */
export function p256Key(spki: Uint8Array): KeyObject {
  const der = Buffer.from(spki)
  if (der.length !== SPKI_BYTES || !der.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX)) throw new PeerError('key', `not the key of a P-256 client: ${String(der.length)} bytes`)
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new PeerError('key', 'the key of the client is not on P-256', { cause })
  }
}
