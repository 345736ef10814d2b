import { verify } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import { nodeSaml } from './node-saml.ts'
import { CLOCK_SKEW_MS } from './assertion.ts'
import type { IdpMetadata } from './idp-metadata.ts'
import { logoutOutlineOf } from './message-outline.ts'
import { SAML as ASSERTION, SAMLP } from './namespaces.ts'
import { decodeUtf8, options } from './service-provider.ts'
import type { SpKey } from './sp-key.ts'
import type { SpUrls } from './sp-urls.ts'
import { childrenOf, MESSAGE_LIMITS, onlyChild, refuse, type XmlElement } from './xml-tree.ts'

/** A request to log somebody out is good for so long, ms. */
export const LOGOUT_AGE_MS = 300_000
const MAX_INFLATED = 64 * 1024
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'RSA-SHA256'],
  ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha512', 'RSA-SHA512'],
])

/** Whom the identity provider has logged out; without indexes all sessions of the name. */
export interface LogoutRequest {
  readonly id: string
  readonly nameId: string
  readonly indexes: readonly string[]
}
export interface LogoutParts {
  readonly urls: SpUrls
  readonly idp: IdpMetadata
  readonly key: SpKey
  readonly now: number
}

/**
 * Out of the query of the redirect binding (SAML 2.0 bindings, section 3.4.4.1), as sent: the signature is over the very
 * text. It is verified before anything is inflated. Throws PeerError.
 */
export function readRedirectedLogout(query: string, parts: LogoutParts): LogoutRequest {
  const raw = new Map<string, string>()
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=')
    const name = at < 0 ? pair : pair.slice(0, at)
    if (raw.has(name)) refuse('has a parameter twice')
    raw.set(name, at < 0 ? '' : pair.slice(at + 1))
  }
  const decoded = (name: string): string => new URLSearchParams(`v=${raw.get(name) ?? ''}`).get('v') ?? ''
  const algorithm = ALGORITHMS.get(decoded('SigAlg')) ?? refuse('has no signature, or one that is not accepted')
  const signed = ['SAMLRequest', 'RelayState', 'SigAlg'].filter((name) => raw.has(name)).map((name) => `${name}=${raw.get(name) ?? ''}`).join('&')
  const signature = Buffer.from(decoded('Signature'), 'base64')
  if (!parts.idp.certificates.some((certificate) => verify(algorithm, Buffer.from(signed), certificate, signature))) refuse('has a wrong signature')
  return facts(logoutOutlineOf(inflated(decoded('SAMLRequest')), false), parts)
}

/** Out of the field of the POST binding, decoded. Throws PeerError, or what the library says. */
export async function readPostedLogout(text: string, parts: LogoutParts): Promise<LogoutRequest> {
  const root = logoutOutlineOf(text, true)
  await new (nodeSaml().SAML)(options(parts.urls, parts.idp, parts.key)).validatePostRequestAsync({ SAMLRequest: Buffer.from(text).toString('base64') })
  return facts(root, parts)
}

/** Where the browser goes on, with our signed answer; undefined where the identity provider takes none by redirect. */
export async function logoutAnswerUrl({ id }: LogoutRequest, relayState: string, { urls, idp, key }: Omit<LogoutParts, 'now'>): Promise<string | undefined> {
  const url = idp.logout.get('redirect')?.responses
  if (url === undefined) return undefined
  const saml = new (nodeSaml().SAML)({ ...options(urls, idp, key), entryPoint: url, logoutUrl: url, skipRequestCompression: false })
  return saml.getLogoutResponseUrlAsync({ ID: id, issuer: idp.entityId, nameID: '', nameIDFormat: '' }, relayState, {}, true)
}

function inflated(base64: string): string {
  let bytes: Buffer
  try {
    bytes = inflateRawSync(Buffer.from(base64, 'base64'), { maxOutputLength: MAX_INFLATED })
  } catch (error) {
    return refuse(`cannot be inflated to ${MAX_INFLATED} bytes or less: ${error instanceof Error ? error.message : String(error)}`)
  }
  return decodeUtf8(bytes)
}

function facts(root: XmlElement, { urls, idp, now }: LogoutParts): LogoutRequest {
  const date = (name: string): number => Date.parse(root.attributes.get(name) ?? '')
  if (onlyChild(root, ASSERTION, 'Issuer')?.text.trim() !== idp.entityId) refuse('is of another issuer')
  if (root.attributes.get('Destination') !== urls.logout) refuse('is for another destination')
  if (!(Math.abs(now - date('IssueInstant')) <= LOGOUT_AGE_MS)) refuse('is too old')
  if (root.attributes.has('NotOnOrAfter') && !(date('NotOnOrAfter') + CLOCK_SKEW_MS > now)) refuse('has expired')
  const nameId = onlyChild(root, ASSERTION, 'NameID')
  if (!nameId || nameId.children.length > 0 || nameId.text.trim() === '') return refuse('names nobody')
  const indexes = childrenOf(root, SAMLP, 'SessionIndex').map(({ text }) => text.trim())
  if (Buffer.byteLength(JSON.stringify(indexes)) > MESSAGE_LIMITS.bytes / 8) refuse('has too many sessions')
  return { id: root.attributes.get('ID') ?? refuse('has no ID'), nameId: nameId.text.trim(), indexes }
}
