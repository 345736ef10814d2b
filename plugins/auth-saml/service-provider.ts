import { nodeSaml, type SamlConfig } from './node-saml.ts'
import { readAssertion, CLOCK_SKEW_MS, type SamlSubject } from './assertion.ts'
import type { IdpMetadata } from './idp-metadata.ts'
import { outlineOf } from './message-outline.ts'
import { PENDING_MS } from './pending-logins.ts'
import type { SpKey } from './sp-key.ts'
import type { SpUrls } from './sp-urls.ts'
import { refuse } from './xml-tree.ts'

/** Where the browser goes with a request: by a redirect, or by posting a form. */
export type LoginRequest =
  | { readonly id: string; readonly at: string; readonly binding: 'redirect'; readonly url: string }
  | { readonly id: string; readonly at: string; readonly binding: 'post'; readonly url: string; readonly fields: Readonly<Record<string, string>> }

/** Base64 of a response is a third longer than its bytes, and the whole body of a request is 256 KiB at most. */
const MAX_BASE64 = 256 * 1024

/** XML of a message in the POST binding. Throws PeerError for what is no base64 or no UTF-8. */
export function decodePosted(base64: string): string {
  const bare = base64.replace(/[\r\n\t ]+/g, '')
  if (bare.length > MAX_BASE64 || bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(bare)) refuse('is not base64')
  return decodeUtf8(Buffer.from(bare, 'base64'))
}
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    return refuse(`is not UTF-8: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A signed request to log in, with a fresh id. */
export async function loginRequest(urls: SpUrls, idp: IdpMetadata, key: SpKey, forceLogin: boolean): Promise<LoginRequest> {
  let made: { id: string; at: string } | undefined
  const remember = (id: string, at: string): void => void (made = { id, at })
  const redirect = idp.login.get('redirect')
  const url = redirect ?? idp.login.get('post') ?? refuse('has no place for logins')
  const saml = new (nodeSaml().SAML)({ ...options(urls, idp, key), entryPoint: url, forceAuthn: forceLogin, cacheProvider: cache(() => undefined, remember) })
  const target = redirect === undefined ? await saml.getAuthorizeMessageAsync('', undefined, {}) : await saml.getAuthorizeUrlAsync('', undefined, {})
  const { id, at } = made ?? refuse('could not be asked')
  if (typeof target === 'string') return { id, at, binding: 'redirect', url: target }
  // Browsers cannot inflate; the POST binding has the bare base64 of the XML.
  return { id, at, binding: 'post', url, fields: Object.fromEntries(Object.entries(target).filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '')) }
}

/**
 * Judges a response: shape, then signatures, then what the signed bytes say. `requests`: those that may be answered, with
 * when they were made. Throws PeerError, or what the library says.
 */
export async function acceptResponse(text: string, parts: { readonly urls: SpUrls; readonly idp: IdpMetadata; readonly key: SpKey; readonly requests: ReadonlyMap<string, string>; readonly now: number }): Promise<SamlSubject> {
  const { urls, idp, key, requests, now } = parts
  const outline = outlineOf(text)
  if (!requests.has(outline.inResponseTo)) refuse('answers another request')
  if (outline.destination !== urls.acs) refuse('is for another destination')
  if (outline.issuer !== undefined && outline.issuer !== idp.entityId) refuse('is of another issuer')
  const saml = new (nodeSaml().SAML)({ ...options(urls, idp, key), cacheProvider: cache((id) => requests.get(id)) })
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(text).toString('base64') })
  const signed = profile?.getAssertionXml?.() ?? refuse('has no assertion that is signed')
  return readAssertion(signed, { issuer: idp.entityId, audience: urls.entityId, recipient: urls.acs, inResponseTo: outline.inResponseTo, now })
}

export const options = (urls: SpUrls, idp: IdpMetadata, key: SpKey): SamlConfig => ({
  issuer: urls.entityId,
  audience: urls.entityId,
  callbackUrl: urls.acs,
  idpCert: [...idp.certificates],
  idpIssuer: idp.entityId,
  privateKey: key.key,
  publicCert: key.certificate,
  signatureAlgorithm: 'sha256',
  digestAlgorithm: 'sha256',
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: true,
  validateInResponseTo: nodeSaml().ValidateInResponseTo.always,
  requestIdExpirationPeriodMs: PENDING_MS,
  acceptedClockSkewMs: CLOCK_SKEW_MS,
  // The identity provider decides how somebody logs in, and which name it gives.
  disableRequestedAuthnContext: true,
  identifierFormat: null,
  // The POST binding is not deflated.
  skipRequestCompression: !idp.login.has('redirect'),
})

function cache(get: (id: string) => string | undefined, save: (id: string, at: string) => void = () => undefined): NonNullable<SamlConfig['cacheProvider']> {
  return {
    getAsync: (id) => Promise.resolve(get(id) ?? null),
    saveAsync: (id, at) => {
      save(id, at)
      return Promise.resolve({ value: at, createdAt: Date.parse(at) })
    },
    // The login itself is dropped when it has been answered.
    removeAsync: () => Promise.resolve(null),
  }
}
