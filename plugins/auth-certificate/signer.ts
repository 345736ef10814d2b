import { verify, X509Certificate } from 'node:crypto'
import type { Logger, SecondCertificate } from '../../core/api.ts'

/** What a client may sign with: RSA (PKCS #1 v1.5) and ECDSA, over one of these. */
export const SIGNATURE_HASHES: readonly string[] = ['sha256', 'sha384', 'sha512']
const KEY_TYPES: readonly (string | undefined)[] = ['rsa', 'ec']

/** The place of the certificate whose key has signed; undefined: none of them has. */
export function signerAmong(certificates: readonly Uint8Array[], { hash, signed, signature }: SecondCertificate, log: Pick<Logger, 'debug'>): number | undefined {
  if (!SIGNATURE_HASHES.includes(hash)) return undefined
  const found = certificates.findIndex((der) => {
    try {
      const { publicKey } = new X509Certificate(der)
      return KEY_TYPES.includes(publicKey.asymmetricKeyType) && verify(hash, signed, publicKey, signature)
    } catch (error) {
      log.debug('a signature cannot be verified', { error })
      return false
    }
  })
  return found < 0 ? undefined : found
}
