import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { FileRefusal, readWhole } from '../config/files.ts'
import type { TlsCertificate } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import { keyType } from './certificate.ts'

const MAX_PEM_BYTES = 256 * 1024
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----(?:(?!-----)[^])*-----END \1-----/g

/** A certificate with its chain and its key, read and found to belong together. */
export interface CertificatePair extends TlsCertificate {
  readonly file: string
  readonly keyFile: string
  readonly leaf: X509Certificate
  readonly chain: readonly X509Certificate[]
  readonly kind: 'rsa' | 'ec'
  /** The key file may be read by everybody. */
  readonly keyOpen: boolean
}

const refuse = (file: string, message: string, cause?: unknown): never => {
  throw new GatewayError('TLS_CERTIFICATE', `${file}: ${message}`, { cause })
}

/** Throws GatewayError `TLS_CERTIFICATE`, one line that names the file. */
export function readPair(file: string, keyFile: string): CertificatePair {
  const { bytes: chainBytes } = readPem(file)
  const { bytes: keyBytes, open } = readPem(keyFile)
  return { ...checkPair(chainBytes.toString('latin1'), keyBytes.toString('latin1'), file, keyFile), keyOpen: open }
}

/** The same on PEM texts; the files are names for the messages. */
export function checkPair(chainText: string, keyText: string, file: string, keyFile: string): Omit<CertificatePair, 'keyOpen'> {
  const blocks = [...chainText.matchAll(BLOCK)].filter((match) => match[1] === 'CERTIFICATE').map((match) => match[0])
  const chain = blocks.map((block, index) => readCertificate(block, file, index))
  const [leaf] = chain
  if (!leaf) return refuse(file, /PRIVATE KEY-----/.test(chainText) ? 'holds a key and no certificate' : 'is not a PEM certificate')
  const key = readKey(keyText, keyFile)
  if (!leaf.checkPrivateKey(key)) {
    const other = chain.findIndex((certificate) => certificate.checkPrivateKey(key))
    return refuse(keyFile, other > 0 ? `belongs to certificate ${other + 1} of ${file}; the gateway's own must come first` : `the key does not match the certificate ${file}`)
  }
  return { file, keyFile, leaf, chain, kind: kindOf(key, keyFile), chainPem: `${blocks.join('\n')}\n`, keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function readPem(file: string): { readonly bytes: Buffer; readonly open: boolean } {
  try {
    return readWhole(file, MAX_PEM_BYTES)
  } catch (error) {
    if (error instanceof FileRefusal) return refuse(file, error.message, error)
    throw error
  }
}

function readCertificate(block: string, file: string, index: number): X509Certificate {
  try {
    const certificate = new X509Certificate(block)
    // A key of an unknown kind shows only here.
    return certificate.publicKey ? certificate : refuse(file, `certificate ${index + 1} has no key`)
  } catch (error) {
    return refuse(file, `certificate ${index + 1} is damaged`, error)
  }
}

function readKey(text: string, file: string): KeyObject {
  const block = [...text.matchAll(BLOCK)].find((match) => match[1]?.endsWith('PRIVATE KEY'))
  if (!block) return refuse(file, text.includes('-----BEGIN CERTIFICATE') ? 'holds a certificate and no key' : 'is not a PEM key')
  if (block[1]?.startsWith('ENCRYPTED') || /Proc-Type: 4,ENCRYPTED/.test(block[0])) return refuse(file, 'the key is encrypted; remove the passphrase with "openssl pkey"')
  try {
    return createPrivateKey(block[0])
  } catch (error) {
    return refuse(file, 'the key is damaged', error)
  }
}

function kindOf(key: KeyObject, file: string): 'rsa' | 'ec' {
  const kind = key.asymmetricKeyType
  if (kind !== 'rsa' && kind !== 'ec') return refuse(file, `${keyType(key)} keys are not supported; use RSA or ECDSA`)
  if (kind === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) return refuse(file, `${keyType(key)} is too short; use at least 2048 bits`)
  if (kind === 'ec' && !['prime256v1', 'secp384r1', 'secp521r1'].includes(key.asymmetricKeyDetails?.namedCurve ?? '')) return refuse(file, `${keyType(key)} is not a curve that clients know; use P-256`)
  return kind
}
