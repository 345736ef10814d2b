import 'reflect-metadata'
import { KeyObject, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { TlsCertificate, TlsContextSpec } from '../../core/dataplane.ts'

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const RSA = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' } as const

x509.cryptoProvider.set(webcrypto)

/** A self-signed certificate for `name` and its key, both PEM. */
export async function certificate(name: string, kind: 'ecdsa' | 'rsa' = 'ecdsa'): Promise<TlsCertificate> {
  const algorithm = kind === 'ecdsa' ? EC : RSA
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`, keys, signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 30 * 86_400_000),
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  })
  return { chainPem: made.toString('pem'), keyPem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString() }
}

export const context = (serverNames: readonly string[], ...certificates: TlsCertificate[]): TlsContextSpec => ({
  serverNames, certificates, requestClientCertificate: false,
})
