import { X509Certificate } from 'node:crypto'
import { BINDINGS, DSIG, METADATA, SAMLP, type Binding } from './namespaces.ts'
import { childrenOf, elementsOf, METADATA_LIMITS, readXml, refuse, type XmlElement } from './xml-tree.ts'

/** What the gateway knows of the identity provider. */
export interface IdpMetadata {
  readonly entityId: string
  /** Of those that sign, PEM; several while one replaces another. */
  readonly certificates: readonly string[]
  /** Where to send people, by binding. */
  readonly login: ReadonlyMap<Binding, string>
  readonly logout: ReadonlyMap<Binding, { readonly url: string; readonly responses: string }>
  /** ms; undefined: for ever. */
  readonly validUntil: number | undefined
}

const MIN_KEY_BITS = 2048
const MAX_CERTIFICATES = 10

/**
 * Metadata of one identity provider, or the one with `entityId` of several (SAML 2.0 metadata, section 2). Throws
 * PeerError with one line.
 */
export function readIdpMetadata(text: string, entityId: string | undefined, now: number): IdpMetadata {
  const root = readXml(text.replace(/^\uFEFF/, ''), METADATA_LIMITS, false)
  const entities = [...elementsOf(root)].filter(({ uri, local, children }) => uri === METADATA && local === 'EntityDescriptor' && children.some((child) => child.uri === METADATA && child.local === 'IDPSSODescriptor'))
  const matching = entityId === undefined ? entities : entities.filter((entity) => entity.attributes.get('entityID') === entityId)
  const [entity] = matching
  if (!entity) return refuse(entityId === undefined ? 'has no identity provider' : `has no identity provider "${entityId}"`)
  if (matching.length > 1) refuse('has several identity providers: say which one with idp-entity-id')
  const descriptor = childrenOf(entity, METADATA, 'IDPSSODescriptor').find(({ attributes }) => attributes.get('protocolSupportEnumeration')?.split(/\s+/).includes(SAMLP))
  if (!descriptor) return refuse('has no identity provider for SAML 2.0')
  const ends = [root, entity, descriptor].flatMap(({ attributes }) => attributes.get('validUntil') ?? []).map((date) => Date.parse(date))
  if (ends.some(Number.isNaN)) refuse('has a validUntil that is no date')
  const validUntil = ends.length === 0 ? undefined : Math.min(...ends)
  if (validUntil !== undefined && validUntil <= now) refuse(`was valid until ${new Date(validUntil).toISOString()}`)
  const login = new Map([...services(descriptor, 'SingleSignOnService')].map(([binding, { url }]) => [binding, url]))
  if (login.size === 0) refuse('has no SingleSignOnService with the redirect or POST binding')
  return {
    entityId: entity.attributes.get('entityID') ?? refuse('has no entityID'),
    certificates: certificatesOf(descriptor),
    login,
    logout: services(descriptor, 'SingleLogoutService'),
    validUntil,
  }
}

function services(descriptor: XmlElement, local: string): Map<Binding, { readonly url: string; readonly responses: string }> {
  const found = new Map<Binding, { readonly url: string; readonly responses: string }>()
  for (const { attributes } of childrenOf(descriptor, METADATA, local)) {
    const binding = (Object.keys(BINDINGS) as Binding[]).find((name) => BINDINGS[name] === attributes.get('Binding'))
    const url = attributes.get('Location') ?? ''
    if (binding === undefined || found.has(binding) || !isWeb(url)) continue
    const responses = attributes.get('ResponseLocation') ?? url
    found.set(binding, { url, responses: isWeb(responses) ? responses : url })
  }
  return found
}
const isWeb = (url: string): boolean => url.length <= 2048 && URL.canParse(url) && ['https:', 'http:'].includes(new URL(url).protocol)

function certificatesOf(descriptor: XmlElement): readonly string[] {
  const keys = childrenOf(descriptor, METADATA, 'KeyDescriptor').filter(({ attributes }) => (attributes.get('use') ?? 'signing') === 'signing')
  const texts = keys.flatMap((key) => [...elementsOf(key)]).filter(({ uri, local }) => uri === DSIG && local === 'X509Certificate').map(({ text }) => text.replace(/\s+/g, ''))
  const found = [...new Set(texts)].slice(0, MAX_CERTIFICATES).flatMap((text) => usable(text) ?? [])
  return found.length > 0 ? found : refuse(`has no signing certificate with an RSA key of ${MIN_KEY_BITS} bits or more`)
}

function usable(base64: string): string | undefined {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(Buffer.from(base64, 'base64'))
  } catch (error) {
    return refuse(`has a certificate that cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
  return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_KEY_BITS ? certificate.toString() : undefined
}
