import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './command.ts'

export interface Certificate {
  readonly certificate: string
  readonly key: string
  /** What `--servercert` takes. */
  readonly pin: string
}

/** A self-signed server certificate by the openssl tool, so that the gateway's own maker is not its own judge. */
export async function makeCertificate(
  folder: string,
  options: { readonly kind?: 'ecdsa' | 'rsa'; readonly name?: string; readonly file?: string } = {},
): Promise<Certificate> {
  const { kind = 'ecdsa', name = 'vpn.example.com', file = `${kind}` } = options
  const certificate = join(folder, `${file}.crt`)
  const key = join(folder, `${file}.key`)
  const algorithm = kind === 'rsa' ? ['rsa:2048'] : ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  await must([
    'openssl', 'req', '-x509', '-nodes', '-newkey', ...algorithm, '-days', '365', '-subj', `/CN=${name}`,
    '-addext', `subjectAltName=DNS:${name},IP:10.77.0.1,IP:fd77::1`, '-keyout', key, '-out', certificate,
  ])
  return { certificate, key, pin: pinOf(certificate) }
}

/** `pin-sha256:` of the public key in a PEM file. */
export function pinOf(file: string): string {
  const spki = new X509Certificate(readFileSync(file)).publicKey.export({ type: 'spki', format: 'der' })
  return `pin-sha256:${createHash('sha256').update(spki).digest('base64')}`
}
