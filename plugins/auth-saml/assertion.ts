import { BEARER, SAML } from './namespaces.ts'
import { childrenOf, MESSAGE_LIMITS, onlyChild, readXml, refuse, type XmlElement } from './xml-tree.ts'

/** Clocks of the gateway and the identity provider may differ by so much, ms. */
export const CLOCK_SKEW_MS = 60_000

/** Whom an accepted assertion is about. */
export interface SamlSubject {
  readonly nameId: string
  readonly nameIdFormat: string | undefined
  readonly sessionIndex: string | undefined
  /** Values by `Name`, in their order. */
  readonly attributes: ReadonlyMap<string, readonly string[]>
  /** Of the assertion, and until when it could be shown again, ms. */
  readonly assertionId: string
  readonly notOnOrAfter: number
}
export interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly recipient: string
  readonly inResponseTo: string
  /** Wall clock, ms. */
  readonly now: number
}

/**
 * Reads an assertion from the very bytes that were signed, and holds it to what was asked (SAML 2.0 profiles, section
 * 4.1.4.3). Throws PeerError.
 */
export function readAssertion(text: string, expected: Expected): SamlSubject {
  const assertion = readXml(text, MESSAGE_LIMITS)
  if (assertion.uri !== SAML || assertion.local !== 'Assertion' || assertion.attributes.get('Version') !== '2.0') refuse('has no assertion of SAML 2.0')
  if (onlyChild(assertion, SAML, 'Issuer')?.text.trim() !== expected.issuer) refuse('is of another issuer')
  const subject = onlyChild(assertion, SAML, 'Subject') ?? refuse('has no subject')
  const notOnOrAfter = confirmedUntil(subject, expected)
  const conditions = onlyChild(assertion, SAML, 'Conditions') ?? refuse('has no conditions')
  refuseTime(conditions, expected.now)
  const audiences = childrenOf(conditions, SAML, 'AudienceRestriction')
  if (audiences.length === 0 || !audiences.every((restriction) => childrenOf(restriction, SAML, 'Audience').some(({ text: audience }) => audience.trim() === expected.audience))) refuse('is for another audience')
  const statements = childrenOf(assertion, SAML, 'AuthnStatement')
  const [statement] = statements
  if (!statement) return refuse('says nothing of a login')
  for (const { attributes } of statements) if (dateOf(attributes.get('SessionNotOnOrAfter')) + CLOCK_SKEW_MS <= expected.now) refuse('is of a session that has ended')
  const nameId = onlyChild(subject, SAML, 'NameID')
  if (nameId && nameId.children.length > 0) refuse('has elements in its NameID')
  return {
    nameId: nameId?.text.trim() ?? '',
    nameIdFormat: nameId?.attributes.get('Format'),
    sessionIndex: statement.attributes.get('SessionIndex'),
    attributes: attributesOf(assertion),
    assertionId: assertion.attributes.get('ID') ?? refuse('has no ID'),
    notOnOrAfter,
  }
}

/** One confirmation by bearer must be good for us, now, and for this request. */
function confirmedUntil(subject: XmlElement, expected: Expected): number {
  const problems: string[] = []
  for (const confirmation of childrenOf(subject, SAML, 'SubjectConfirmation')) {
    const facts = onlyChild(confirmation, SAML, 'SubjectConfirmationData')
    if (confirmation.attributes.get('Method') !== BEARER || !facts) continue
    const until = dateOf(facts.attributes.get('NotOnOrAfter'))
    const from = facts.attributes.get('NotBefore')
    if (facts.attributes.get('Recipient') !== expected.recipient) problems.push('is for another recipient')
    else if (facts.attributes.get('InResponseTo') !== expected.inResponseTo) problems.push('answers another request')
    else if (!Number.isFinite(until)) problems.push('has no end')
    else if (until + CLOCK_SKEW_MS <= expected.now) problems.push('has expired')
    else if (from !== undefined && dateOf(from) - CLOCK_SKEW_MS > expected.now) problems.push('is not valid yet')
    else return until
  }
  return refuse(problems[0] ?? 'has no confirmation by bearer')
}

function refuseTime({ attributes }: XmlElement, now: number): void {
  const [from, until] = [attributes.get('NotBefore'), attributes.get('NotOnOrAfter')]
  if (from !== undefined && !(dateOf(from) - CLOCK_SKEW_MS <= now)) refuse('is not valid yet')
  if (until !== undefined && !(dateOf(until) + CLOCK_SKEW_MS > now)) refuse('has expired')
}

/** xs:dateTime in UTC, ms; NaN for what is none, or without a value. */
function dateOf(text: string | undefined): number {
  return text !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(text) ? Date.parse(text) : NaN
}

function attributesOf(assertion: XmlElement): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const statement of childrenOf(assertion, SAML, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, SAML, 'Attribute')) {
      const name = attribute.attributes.get('Name') ?? refuse('has an attribute without a name')
      const values = childrenOf(attribute, SAML, 'AttributeValue').filter(({ children }) => children.length === 0).map(({ text }) => text.trim())
      found.set(name, [...(found.get(name) ?? []), ...values])
    }
  }
  return found
}
