import { DSIG, ENVELOPED, EXC_C14N, SAML, SAMLP, SUCCESS } from './namespaces.ts'
import { childrenOf, elementsOf, MESSAGE_LIMITS, onlyChild, readXml, refuse, type XmlElement } from './xml-tree.ts'

/** What a response says of itself, before anybody has vouched for it. */
export interface ResponseOutline {
  readonly inResponseTo: string
  readonly destination: string
  readonly issuer: string | undefined
}

const SIGNATURES: readonly string[] = ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512', 'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1']
const DIGESTS: readonly string[] = ['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512']

/**
 * The shape that a response must have before its signatures are looked at: one assertion, below the root; a signature of
 * each, over each, and none elsewhere; ids that are unique. A second assertion, wherever it hides, is none that anybody
 * could mistake for the signed one. Throws PeerError.
 */
export function outlineOf(text: string): ResponseOutline {
  const root = readXml(text, MESSAGE_LIMITS)
  if (root.uri !== SAMLP || root.local !== 'Response') refuse('is no Response')
  const inResponseTo = root.attributes.get('InResponseTo') ?? refuse('answers no request (InResponseTo is missing)')
  const outline: ResponseOutline = { inResponseTo, destination: root.attributes.get('Destination') ?? '', issuer: onlyChild(root, SAML, 'Issuer')?.text.trim() }
  refuseFailure(root)
  const all = [...elementsOf(root)]
  if (all.some(({ local }) => local === 'EncryptedAssertion' || local === 'EncryptedID' || local === 'EncryptedData')) refuse('is encrypted: switch the encryption of assertions off at the identity provider')
  const assertions = all.filter(({ local }) => local === 'Assertion')
  if (assertions.length === 0) refuse('has no assertion')
  if (assertions.length > 1) refuse('has more than one assertion')
  const assertion = onlyChild(root, SAML, 'Assertion') ?? refuse('has its assertion in a wrong place')
  refuseSharedIds(all)
  refuseSignatures(all, [root, assertion])
  return outline
}

/** The same for a LogoutRequest in the POST binding: one signature, of the root. */
export function logoutOutlineOf(text: string, signed: boolean): XmlElement {
  const root = readXml(text, MESSAGE_LIMITS)
  if (root.uri !== SAMLP || root.local !== 'LogoutRequest') refuse('is no LogoutRequest')
  const all = [...elementsOf(root)]
  if (all.some(({ local }) => local === 'EncryptedID' || local === 'EncryptedData')) refuse('is encrypted')
  refuseSharedIds(all)
  refuseSignatures(all, signed ? [root] : [])
  return root
}

function refuseFailure(root: XmlElement): void {
  const code = onlyChild(onlyChild(root, SAMLP, 'Status') ?? refuse('has no status'), SAMLP, 'StatusCode')
  const value = code?.attributes.get('Value')
  if (value === SUCCESS) return
  const detail = code && childrenOf(code, SAMLP, 'StatusCode')[0]?.attributes.get('Value')
  refuse(`says that the identity provider refused: ${[value, detail].map((urn) => urn?.split(':').at(-1)?.slice(0, 64)).filter((word) => word !== undefined).join(', ') || 'no reason given'}`)
}

function refuseSharedIds(all: readonly XmlElement[]): void {
  const ids = all.flatMap(({ attributes }) => ['ID', 'Id', 'id', 'xml:id'].flatMap((name) => attributes.get(name) ?? []))
  if (new Set(ids).size !== ids.length) refuse('uses an id twice')
}

function refuseSignatures(all: readonly XmlElement[], owners: readonly XmlElement[]): void {
  const signatures = all.filter(({ local }) => local === 'Signature')
  for (const owner of owners) {
    const signature = onlyChild(owner, DSIG, 'Signature') ?? refuse(`has no signature of the ${owner.local}: the identity provider must sign response and assertion`)
    refuseSignature(signature, owner.attributes.get('ID') ?? refuse(`has no ID of the ${owner.local}`))
  }
  if (signatures.length > owners.length) refuse('has a signature in a wrong place')
}

/** Enveloped, exclusively canonicalised, over its parent alone, with a hash that nobody can forge. */
function refuseSignature(signature: XmlElement, id: string): void {
  if (onlyChild(signature, DSIG, 'Object')) refuse('has an object in a signature')
  const info = onlyChild(signature, DSIG, 'SignedInfo') ?? refuse('has a signature of nothing')
  const algorithm = (element: XmlElement, name: string): string => onlyChild(element, DSIG, name)?.attributes.get('Algorithm') ?? ''
  if (algorithm(info, 'CanonicalizationMethod') !== EXC_C14N) refuse('is signed over another form than exclusive canonical XML')
  if (!SIGNATURES.includes(algorithm(info, 'SignatureMethod'))) refuse(`is signed with an algorithm that is not accepted: ${algorithm(info, 'SignatureMethod').split('#').at(-1)?.slice(0, 40) ?? ''}; RSA with SHA-256 or SHA-512 is`)
  const reference = onlyChild(info, DSIG, 'Reference') ?? refuse('has a signature of nothing')
  if (reference.attributes.get('URI') !== `#${id}`) refuse('has a signature over something else than its parent')
  if (!DIGESTS.includes(algorithm(reference, 'DigestMethod'))) refuse('is signed with a digest that is not accepted: SHA-256 and SHA-512 are')
  const transforms = onlyChild(reference, DSIG, 'Transforms')
  const names = (transforms ? childrenOf(transforms, DSIG, 'Transform') : []).map(({ attributes }) => attributes.get('Algorithm'))
  if (names.length !== 2 || names[0] !== ENVELOPED || names[1] !== EXC_C14N) refuse('has a signature with other transforms than the enveloped signature and exclusive canonical XML')
}
