import type { GatewayConfig } from '../config/gateway-config.ts'
import type { TlsContextSpec } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import type { CheckFinding } from '../plugin.ts'
import { certificateFacts, isFor, type CertificateFacts } from './certificate.ts'
import { readPair, type CertificatePair } from './certificate-pair.ts'
import { ownCertificate } from './own-certificate.ts'

const SOON_MS = 30 * 86_400_000

export interface LoadedTls {
  readonly contexts: readonly TlsContextSpec[]
  /** Of the first certificate, `pin-sha256:...`. */
  readonly pin: string
  readonly certificate: CertificateFacts
  /** One for each configured certificate, the first one included. */
  readonly certificates: readonly CertificateFacts[]
  readonly findings: readonly CheckFinding[]
}
export interface LoadTlsOptions {
  /** Wall clock, ms. */
  readonly now?: number
  /** False: a missing self-signed certificate is made in memory only, as for `postern check`. */
  readonly keep?: boolean
}

/** Certificates and keys of the gateway, read and found usable. Throws GatewayError `TLS_CERTIFICATE`. */
export async function loadTlsContexts(config: GatewayConfig, dataDirectory: string, options: LoadTlsOptions = {}): Promise<LoadedTls> {
  const { now = Date.now(), keep = true } = options
  const { name, certificates, keys, listen } = config.gateway
  const own = certificates.length === 0
    ? await ownCertificate(dataDirectory, { name, now, keep, listen: listen.map(({ address }) => address).filter((address) => address !== '0.0.0.0' && address !== '::') })
    : undefined
  const pairs = own ? [own.pair] : certificates.map((file, index) => readPair(file, keys[index] ?? ''))
  const [first, second] = pairs
  if (!first) throw new GatewayError('TLS_CERTIFICATE', 'the gateway has no certificate')
  if (second && first.kind === second.kind) {
    throw new GatewayError('TLS_CERTIFICATE', `${second.file}: a second ${first.kind === 'rsa' ? 'RSA' : 'ECDSA'} certificate beside ${first.file}; give one RSA and one ECDSA`)
  }
  const facts = pairs.map((pair) => certificateFacts(pair.leaf, pair.file))
  const certificate = facts[0] as CertificateFacts
  return {
    contexts: [{ serverNames: [], certificates: pairs.map(({ chainPem, keyPem }) => ({ chainPem, keyPem })), requestClientCertificate: false }],
    pin: certificate.pin,
    certificate,
    certificates: facts,
    findings: [...(own?.findings ?? []), ...pairs.flatMap((pair) => remarks(pair, name, now).map((text) => ({ severity: 'warning' as const, text })))],
  }
}

function remarks({ file, keyFile, keyOpen, leaf, chain }: CertificatePair, name: string, now: number): string[] {
  const list: string[] = []
  const from = Date.parse(leaf.validFrom)
  const to = Date.parse(leaf.validTo)
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
  if (now > to) list.push(`${file}: expired on ${day(to)}`)
  else if (now < from) list.push(`${file}: not valid before ${day(from)}`)
  else if (to - now < SOON_MS) list.push(`${file}: expires on ${day(to)}`)
  if (!isFor(leaf, name)) list.push(`${file}: is not for the name ${name}`)
  const gap = chain.findIndex((certificate, index) => index > 0 && !chain[index - 1]?.checkIssued(certificate))
  if (gap > 0) list.push(`${file}: certificate ${gap + 1} did not issue certificate ${gap}`)
  if (keyOpen) list.push(`${keyFile}: the key can be read by everybody: chmod 600 it`)
  return list
}
