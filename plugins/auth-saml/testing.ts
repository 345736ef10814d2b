import { createHash, createSign } from 'node:crypto'
import { DSIG, ENVELOPED, EXC_C14N, SAML, SAMLP } from './namespaces.ts'
import { makeSpKey, type SpKey } from './sp-key.ts'

export interface Responding {
  readonly inResponseTo: string
  readonly acs: string
  readonly audience: string
  readonly nameId?: string
  readonly nameIdFormat?: string
  readonly attributes?: Readonly<Record<string, readonly string[]>>
  /** Each of these stands in for what would be right. */
  readonly issuer?: string
  readonly recipient?: string
  readonly destination?: string
  readonly subjectInResponseTo?: string
  /** From now, ms. */
  readonly begins?: number
  readonly ends?: number
  readonly assertionId?: string
  readonly signAssertion?: boolean
  readonly signResponse?: boolean
  readonly algorithm?: 'sha256' | 'sha1'
  /** Changes the signed assertion before the response is signed around it, or the whole behind that. */
  readonly assertion?: (xml: string) => string
  readonly response?: (xml: string) => string
}

/**
 * An identity provider that writes its XML in canonical form, so that what it signs is the text itself: independent of
 * the library that reads it.
 */
export class TestIdp {
  readonly entityId = 'https://idp.example.com/saml'
  private constructor(readonly pair: SpKey) {}

  static async make(): Promise<TestIdp> {
    return new TestIdp(await makeSpKey('idp.example.com', Date.now(), 2048))
  }

  metadata(options: { readonly binding?: 'Redirect' | 'POST'; readonly certificates?: readonly string[]; readonly entityId?: string; readonly extra?: string } = {}): string {
    const bare = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\s+/g, '')
    const keys = (options.certificates ?? [this.pair.certificate]).map((pem) => `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="${DSIG}"><ds:X509Data><ds:X509Certificate>${bare(pem)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`)
    return `<?xml version="1.0"?><!-- for the test --><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${options.entityId ?? this.entityId}"${options.extra ?? ''}><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${keys.join('')}<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/slo"/><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-${options.binding ?? 'Redirect'}" Location="https://idp.example.com/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>`
  }

  respond(wanted: Responding): string {
    const date = (ms: number): string => new Date(Date.now() + ms).toISOString()
    const [begins, ends] = [date(wanted.begins ?? -1000), date(wanted.ends ?? 300_000)]
    const issuer = `<saml:Issuer xmlns:saml="${SAML}">${wanted.issuer ?? this.entityId}</saml:Issuer>`
    const attributes = Object.entries(wanted.attributes ?? {}).map(([name, values]) => `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`)
    let assertion = `<saml:Assertion xmlns:saml="${SAML}" ID="${wanted.assertionId ?? newId()}" IssueInstant="${date(0)}" Version="2.0"><saml:Issuer>${wanted.issuer ?? this.entityId}</saml:Issuer>`
      + `<saml:Subject><saml:NameID Format="${wanted.nameIdFormat ?? 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified'}">${wanted.nameId ?? 'alice'}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="${wanted.subjectInResponseTo ?? wanted.inResponseTo}" NotOnOrAfter="${ends}" Recipient="${wanted.recipient ?? wanted.acs}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>`
      + `<saml:Conditions NotBefore="${begins}" NotOnOrAfter="${ends}"><saml:AudienceRestriction><saml:Audience>${wanted.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`
      + `<saml:AuthnStatement AuthnInstant="${date(0)}" SessionIndex="_session1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`
      + (attributes.length === 0 ? '' : `<saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement>`)
      + '</saml:Assertion>'
    if (wanted.signAssertion !== false) assertion = this.sign(assertion, wanted.algorithm)
    if (wanted.assertion) assertion = wanted.assertion(assertion)
    let response = `<samlp:Response xmlns:samlp="${SAMLP}" Destination="${wanted.destination ?? wanted.acs}" ID="${newId()}" InResponseTo="${wanted.inResponseTo}" IssueInstant="${date(0)}" Version="2.0">${issuer}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>${assertion}</samlp:Response>`
    if (wanted.signResponse !== false) response = this.sign(response, wanted.algorithm)
    return wanted.response ? wanted.response(response) : response
  }

  /** An enveloped signature behind the Issuer of `xml`, which is in canonical form. */
  sign(xml: string, algorithm: 'sha256' | 'sha1' = 'sha256'): string {
    const id = /^<[^>]* ID="([^"]+)"/.exec(xml)?.[1] ?? ''
    const [method, digest] = algorithm === 'sha256'
      ? ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2001/04/xmlenc#sha256']
      : [`${DSIG}rsa-sha1`, `${DSIG}sha1`]
    const info = `<ds:SignedInfo xmlns:ds="${DSIG}"><ds:CanonicalizationMethod Algorithm="${EXC_C14N}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="${method}"></ds:SignatureMethod><ds:Reference URI="#${id}"><ds:Transforms><ds:Transform Algorithm="${ENVELOPED}"></ds:Transform><ds:Transform Algorithm="${EXC_C14N}"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="${digest}"></ds:DigestMethod><ds:DigestValue>${createHash(algorithm).update(xml).digest('base64')}</ds:DigestValue></ds:Reference></ds:SignedInfo>`
    const value = createSign(`RSA-${algorithm.toUpperCase()}`).update(info).sign(this.pair.key, 'base64')
    const signature = `<ds:Signature xmlns:ds="${DSIG}">${info.replace(` xmlns:ds="${DSIG}"`, '')}<ds:SignatureValue>${value}</ds:SignatureValue></ds:Signature>`
    return xml.replace('</saml:Issuer>', `</saml:Issuer>${signature}`)
  }
}

let ids = 0
export const newId = (): string => `_id${++ids}${Date.now().toString(36)}`
export const base64 = (xml: string): string => Buffer.from(xml).toString('base64')
