import { X509Certificate } from 'node:crypto'
import { answeringTo } from '../config/hosts.ts'
import type { TlsContextSpec } from '../dataplane.ts'

const known = new WeakMap<TlsContextSpec, string>()

/** SHA-1 of the first certificate of the context that answers to `serverName`, upper-case hex. */
export function leafSha1(contexts: readonly TlsContextSpec[], serverName: string | undefined): string | undefined {
  const context = contextFor(contexts, serverName)
  const chain = context?.certificates[0]?.chainPem
  if (context === undefined || chain === undefined) return undefined
  const hash = known.get(context) ?? new X509Certificate(chain).fingerprint.replaceAll(':', '')
  known.set(context, hash)
  return hash
}

/** PEM chains of the context that answers to `serverName`. */
export const chainsFor = (contexts: readonly TlsContextSpec[], serverName: string | undefined): readonly string[] =>
  contextFor(contexts, serverName)?.certificates.map(({ chainPem }) => chainPem) ?? []

const contextFor = (contexts: readonly TlsContextSpec[], serverName: string | undefined): TlsContextSpec | undefined =>
  (serverName === undefined ? undefined : answeringTo(contexts, ({ serverNames }) => serverNames, serverName)) ?? contexts[0]
