import type { X509Certificate} from 'node:crypto';
import { createHash, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { formatAddress, parseAddress } from '../net/address.ts'

/** What people want to know of the certificate that clients see. */
export interface CertificateFacts {
  /** File that it came from. */
  readonly file: string
  readonly subject: string
  readonly issuer: string
  /** Names and addresses of the subjectAltName. */
  readonly names: readonly string[]
  /** `ECDSA P-256`, `RSA 2048`. */
  readonly keyType: string
  /** RFC 3339 UTC. */
  readonly notBefore: string
  readonly notAfter: string
  readonly selfSigned: boolean
  /** `pin-sha256:...`, as openconnect's `--servercert` takes it. */
  readonly pin: string
}

/** RFC 7469 section 2.4: SHA-256 of the SubjectPublicKeyInfo, base64. */
export const pinOf = (key: KeyObject): string =>
  `pin-sha256:${createHash('sha256').update(key.export({ type: 'spki', format: 'der' })).digest('base64')}`

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
export function keyType(key: KeyObject): string {
  const { modulusLength, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') return `RSA ${modulusLength}`
  if (key.asymmetricKeyType === 'ec') return `ECDSA ${CURVES[namedCurve] ?? namedCurve}`
  return key.asymmetricKeyType ?? 'unknown'
}

const rfc3339 = (date: string): string => new Date(date).toISOString().replace('.000Z', 'Z')
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').join(', ')

const canonical = (name: string): string => {
  const address = parseAddress(name)
  return address ? formatAddress(address) : name
}
/** `DNS:a.example, IP Address:192.0.2.1`, as node writes it; names with odd characters come in quotes. */
export const alternativeNames = (certificate: X509Certificate): string[] =>
  [...(certificate.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map((match) => canonical((match[1] ?? '').trim()))

export const certificateFacts = (certificate: X509Certificate, file: string): CertificateFacts => ({
  file,
  subject: oneLine(certificate.subject),
  issuer: oneLine(certificate.issuer),
  names: alternativeNames(certificate),
  keyType: keyType(certificate.publicKey),
  notBefore: rfc3339(certificate.validFrom),
  notAfter: rfc3339(certificate.validTo),
  selfSigned: certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey),
  pin: pinOf(certificate.publicKey),
})

/** A `*.` name is covered by the same name alone. */
export const isFor = (certificate: X509Certificate, name: string): boolean =>
  name.startsWith('*.') ? alternativeNames(certificate).some((own) => own.toLowerCase() === name)
  : (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined
