import { createPublicKey, generateKeyPairSync, webcrypto, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
// @peculiar/x509 needs reflect-metadata, which the core loads in one place.
import '../di.ts'

const DAY_MS = 86_400_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export interface SelfSigned {
  readonly certificatePem: string
  /** PKCS #8. */
  readonly keyPem: string
}
export interface SelfSignedSpec {
  /** Host name or address. */
  readonly name: string
  /** Further names and addresses. */
  readonly alsoFor?: readonly string[]
  /** Wall clock, ms. */
  readonly now: number
  /** Kept, so that the pin stays the same; a new one when absent. */
  readonly key?: KeyObject
}

export const SELF_SIGNED_DAYS = 825
/** No clock that is right says less: a board without a battery boots in 1970, and its certificate must outlive the moment it hears the time. */
export const EARLIEST_NOW = Date.UTC(2026, 0, 1)

/** A P-256 certificate for a TLS server. Valid from a day ago, for clocks that are not quite right yet. */
export async function makeSelfSigned(spec: SelfSignedSpec): Promise<SelfSigned> {
  const x509 = await import('@peculiar/x509')
  const now = Math.max(spec.now, EARLIEST_NOW)
  const key = spec.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { subtle } = webcrypto
  const keys = {
    privateKey: await subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), ALGORITHM, true, ['sign']),
    publicKey: await subtle.importKey('spki', createPublicKey(key).export({ type: 'spki', format: 'der' }), ALGORITHM, true, ['verify']),
  }
  const names = [...new Set([spec.name, 'localhost', ...(spec.alsoFor ?? [])])]
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // As a value, never as text to be parsed; X.520 allows 64 characters.
    name: [{ CN: [spec.name.slice(0, 64)] }],
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + (SELF_SIGNED_DAYS - 1) * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }))),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: `${certificate.toString('pem')}\n`, keyPem }
}

/** Addresses of this host that a client may type: loopback and all that are not link-local. At most 32. */
export const hostAddresses = (): string[] =>
  [...new Set(['127.0.0.1', '::1', ...Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))])]
    .filter((address) => isIP(address) && !/^fe[89ab]/i.test(address)).slice(0, 32)

