import { createPrivateKey, createPublicKey, generateKeyPair, webcrypto, X509Certificate } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError, FileRefusal, GatewayError, readWhole } from '../../core/api.ts'

/** Signs what the gateway sends to the identity provider. PEM. */
export interface SpKey {
  readonly certificate: string
  readonly key: string
}

const BITS = 3072
const DAYS = 3650
const DAY_MS = 86_400_000
const MAX_BYTES = 64 * 1024
const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

/** From the files of the configuration. Throws ConfigError. */
export function readSpKey(certificate: string, key: string): SpKey {
  const pair = { certificate: read(certificate), key: read(key) }
  try {
    const privateKey = createPrivateKey(pair.key)
    if (privateKey.asymmetricKeyType !== 'rsa') throw new ConfigError('is no RSA key', { file: key })
    if (!new X509Certificate(pair.certificate).checkPrivateKey(privateKey)) throw new ConfigError(`does not belong to ${certificate}`, { file: key })
  } catch (error) {
    throw error instanceof ConfigError ? error : new ConfigError('certificate and key of [auth-saml] cannot be read', { file: certificate }, { cause: error })
  }
  return pair
}

/** The gateway's own, made the first time and kept: the identity provider knows it. */
export async function ownSpKey(directory: string, name: string, now: number): Promise<SpKey> {
  const file = join(directory, 'sp-key.pem')
  if (existsSync(file)) {
    const text = read(file)
    return { key: block(text, 'PRIVATE KEY', file), certificate: block(text, 'CERTIFICATE', file) }
  }
  const pair = await makeSpKey(name, now)
  // A key without its certificate is worth nothing: one file, in one step.
  writeFileSync(`${file}.new`, pair.key + pair.certificate, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  return pair
}

export async function makeSpKey(name: string, now: number, bits = BITS): Promise<SpKey> {
  const x509 = await import('@peculiar/x509')
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: bits })
  const { subtle } = webcrypto
  const keys = {
    privateKey: await subtle.importKey('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), ALGORITHM, true, ['sign']),
    publicKey: await subtle.importKey('spki', createPublicKey(privateKey).export({ type: 'spki', format: 'der' }), ALGORITHM, true, ['verify']),
  }
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // As a value, never as text to be parsed; X.520 allows 64 characters.
    name: [{ CN: [name.slice(0, 64)] }],
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function read(file: string): string {
  try {
    return readWhole(file, MAX_BYTES).bytes.toString('utf8')
  } catch (error) {
    if (error instanceof FileRefusal) throw new ConfigError(error.message, { file }, { cause: error })
    throw error
  }
}

function block(text: string, label: string, file: string): string {
  const found = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\\n?`).exec(text)?.[0]
  if (found === undefined) throw new GatewayError('TLS_CERTIFICATE', `${file} is damaged: move it away, and a new key is made that the identity provider has to be told`)
  return found
}
