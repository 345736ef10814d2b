import { isIP } from 'node:net'
import type { GatewayConfig, HostConfig } from '../config/gateway-config.ts'
import type { TlsContextSpec } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import type { CheckFinding } from '../plugin.ts'
import { certificateFacts, isFor, type CertificateFacts } from './certificate.ts'
import { readPair, type CertificatePair } from './certificate-pair.ts'
import { ownCertificate } from './own-certificate.ts'

const SOON_MS = 30 * 86_400_000

export interface LoadedTls {
  /** The first is the gateway's own; one for each host. */
  readonly contexts: readonly TlsContextSpec[]
  /** Of the first certificate, `pin-sha256:...`. */
  readonly pin: string
  readonly certificate: CertificateFacts
  /** One for each certificate that is configured, the gateway's own first. */
  readonly certificates: readonly ServedCertificate[]
  readonly findings: readonly CheckFinding[]
}
export interface ServedCertificate extends CertificateFacts {
  /** Name of the host's section; undefined: the gateway itself, and hosts without a certificate of their own. */
  readonly host: string | undefined
}
export interface LoadTlsOptions {
  /** Wall clock, ms. */
  readonly now?: number
  /** False: a missing self-signed certificate is made in memory only, as for `postern check`. */
  readonly keep?: boolean
}

/** Certificates and keys of the gateway and its hosts, read and found usable. Throws GatewayError `TLS_CERTIFICATE`. */
export async function loadTlsContexts(config: GatewayConfig, dataDirectory: string, options: LoadTlsOptions = {}): Promise<LoadedTls> {
  const { now = Date.now(), keep = true } = options
  const { name, certificates, keys, listen } = config.gateway
  const hosts = [...config.hosts.values()]
  // Whoever has none of its own shows the gateway's.
  const sharing = hosts.filter((host) => host.certificates.length === 0).flatMap(({ names }) => names)
  const alsoFor = [...sharing, ...listen.map(({ address }) => address).filter((address) => address !== '0.0.0.0' && address !== '::')]
  const made = certificates.length === 0 ? await ownCertificate(dataDirectory, { name, now, keep, hosts: sharing, alsoFor }) : undefined
  const own = made ? [made.pair] : readPairs({ certificates, keys })
  const [first] = own
  if (!first) throw new GatewayError('TLS_CERTIFICATE', 'the gateway has no certificate')
  const certificate = certificateFacts(first.leaf, first.file)
  const served = hosts.map((host) => ({ host, pairs: host.certificates.length === 0 ? [] : readPairs(host) }))
  const facts = (pairs: readonly CertificatePair[], host?: string): ServedCertificate[] => pairs.map((pair) => ({ ...certificateFacts(pair.leaf, pair.file), host }))
  const texts = [
    ...own.flatMap((pair) => remarks(pair, [name, ...sharing], now)),
    ...served.flatMap(({ host, pairs }) => pairs.flatMap((pair) => remarks(pair, host.names, now))),
  ]
  return {
    contexts: [context(hosts.length === 0 || isIP(name) ? [] : [name], own), ...served.map(({ host, pairs }) => context(host.names, pairs.length === 0 ? own : pairs))],
    pin: certificate.pin,
    certificate,
    certificates: [...facts(own), ...served.flatMap(({ host, pairs }) => facts(pairs, host.name))],
    findings: [...(made?.findings ?? []), ...texts.map((text) => ({ severity: 'warning' as const, text }))],
  }
}

function readPairs({ certificates, keys }: Pick<HostConfig, 'certificates' | 'keys'>): readonly CertificatePair[] {
  const pairs = certificates.map((file, index) => readPair(file, keys[index] ?? ''))
  const [first, second] = pairs
  if (first && second && first.kind === second.kind) {
    throw new GatewayError('TLS_CERTIFICATE', `${second.file}: a second ${first.kind === 'rsa' ? 'RSA' : 'ECDSA'} certificate beside ${first.file}; give one RSA and one ECDSA`)
  }
  return pairs
}

const context = (serverNames: readonly string[], pairs: readonly CertificatePair[]): TlsContextSpec => ({
  serverNames, certificates: pairs.map(({ chainPem, keyPem }) => ({ chainPem, keyPem })), requestClientCertificate: false,
})

function remarks({ file, keyFile, keyOpen, leaf, chain }: CertificatePair, names: readonly string[], now: number): string[] {
  const list: string[] = []
  const from = Date.parse(leaf.validFrom)
  const to = Date.parse(leaf.validTo)
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
  if (now > to) list.push(`${file}: expired on ${day(to)}`)
  else if (now < from) list.push(`${file}: not valid before ${day(from)}`)
  else if (to - now < SOON_MS) list.push(`${file}: expires on ${day(to)}`)
  for (const name of names) if (!isFor(leaf, name)) list.push(`${file}: is not for the name ${name}`)
  const gap = chain.findIndex((certificate, index) => index > 0 && !chain[index - 1]?.checkIssued(certificate))
  if (gap > 0) list.push(`${file}: certificate ${gap + 1} did not issue certificate ${gap}`)
  if (keyOpen) list.push(`${keyFile}: the key can be read by everybody: chmod 600 it`)
  return list
}
