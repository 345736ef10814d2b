import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { FileRefusal, filePath, readWhole } from '../../core/api.ts'

/** A key that the chain of the gateway's certificate has to hold, as a client's profile names it (reference/cisco section 6). */
export interface Pin {
  readonly subject: string
  readonly issuer: string
  /** SHA-512 over the SubjectPublicKeyInfo, base64. */
  readonly sha512: string
  readonly pem: string
}

const MAX_PEM_BYTES = 256 * 1024
const MAX_CERTIFICATES = 20
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END CERTIFICATE-----/g

/** Names a file with certificates in PEM; the value is a pin for each of them. */
export const pinFile = () =>
  filePath().transform((path, context): readonly Pin[] => {
    const refuse = (message: string): readonly Pin[] => {
      context.addIssue({ code: 'custom', message: `${path}: ${message}` })
      return []
    }
    try {
      const chain = readChain(readWhole(path, MAX_PEM_BYTES).bytes.toString('latin1'))
      if (chain.length === 0) return refuse('holds no certificate in PEM')
      return chain.length > MAX_CERTIFICATES ? refuse(`holds more than ${MAX_CERTIFICATES} certificates`) : chain.map(pinOf)
    } catch (error) {
      if (error instanceof FileRefusal) return refuse(error.message)
      if (error instanceof Error) return refuse(`holds a certificate that cannot be read: ${error.message}`)
      throw error
    }
  })

/** Certificates of a PEM text, in its order. Throws on a damaged one. */
export const readChain = (pem: string): readonly X509Certificate[] => [...pem.matchAll(BLOCK)].map(([block]) => new X509Certificate(block))

// For people alone; node escapes what LDAP would.
const oneLine = (name: string): string => name.split('\n').reverse().join(', ').replace(/\\(.)/g, '$1')

export const pinOf = (certificate: X509Certificate): Pin => ({
  subject: oneLine(certificate.subject ?? ''),
  issuer: oneLine(certificate.issuer ?? ''),
  sha512: keyHash(certificate),
  pem: certificate.toString(),
})

const keyHash = (certificate: X509Certificate): string =>
  createHash('sha512').update(createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'der' })).digest('base64')

/** Whether a client that knows `pins` accepts the chain: one of them is in it, or has issued its last certificate. */
export function isPinned(chainPem: string, pins: readonly Pin[]): boolean {
  const chain = readChain(chainPem)
  if (chain.some((certificate) => pins.some(({ sha512 }) => sha512 === keyHash(certificate)))) return true
  const last = chain.at(-1)
  return last !== undefined && pins.some(({ pem }) => {
    const root = new X509Certificate(pem)
    return last.checkIssued(root) && last.verify(root.publicKey)
  })
}
