import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readIdpMetadata } from './idp-metadata.ts'
import { acceptResponse, decodePosted } from './service-provider.ts'
import type { SpUrls } from './sp-urls.ts'
import { base64, newId, TestIdp, type Responding } from './testing.ts'

const idp = await TestIdp.make()
const metadata = readIdpMetadata(idp.metadata(), undefined, Date.now())
const urls: SpUrls = { entityId: 'https://gw/metadata', acs: 'https://gw/acs', login: '', logout: '', final: '', code: '' }
const RIGHT: Responding = { inResponseTo: '_request', acs: urls.acs, audience: urls.entityId }

const accept = (xml: string, known = metadata) =>
  acceptResponse(xml, { urls, idp: known, key: idp.pair, requests: new Map([['_request', new Date().toISOString()]]), now: Date.now() })
const respond = (over: Partial<Responding> = {}): string => idp.respond({ ...RIGHT, ...over })

async function refusal(xml: string): Promise<string> {
  try {
    const { nameId } = await accept(xml)
    return `ACCEPTED as ${nameId}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const cut = (xml: string, name: string): string => new RegExp(`<${name}[ >].*?</${name}>`, 's').exec(xml)?.[0] ?? ''
const SIGNATURE = /<ds:Signature .*?<\/ds:Signature>/s
/** The signed assertion, the same without its signature, and one of the attacker's. */
function pieces(xml: string) {
  const signed = cut(xml, 'saml:Assertion')
  const signature = SIGNATURE.exec(signed)?.[0] ?? ''
  const bare = signed.replace(signature, '')
  const evil = bare.replace(/ ID="[^"]+"/, ` ID="${newId()}"`).replace('>alice<', '>admin<')
  return { signed, signature, bare, evil }
}
/** Around the assertion only the response's own signature is made anew, as an attacker who may replace it could not; `seal` signs the result again. */
const wrapped = (change: (parts: ReturnType<typeof pieces>) => string, seal = true): string => {
  const original = respond({ signResponse: false })
  const parts = pieces(original)
  const changed = original.replace(parts.signed, () => change(parts))
  return seal ? idp.sign(changed) : changed
}

test('G21 what is right is accepted, with everything that the signed bytes say', async () => {
  const subject = await accept(respond({ nameId: 'alice', attributes: { groups: ['a', 'b'], mail: ['a@example.com'] } }))
  assert.is(subject.nameId, 'alice')
  assert.is(subject.sessionIndex, '_session1')
  assert.equal(subject.attributes.get('groups'), ['a', 'b'])
})

test('G21 the wrapped-signature family is refused', async () => {
  const evilResponse = (xml: string): string => xml.replace(/ ID="[^"]+"/, ` ID="${newId()}"`).replace('>alice<', '>admin<')
  const whole = respond()
  const rootSignature = SIGNATURE.exec(whole)?.[0] ?? ''
  const bareResponse = whole.replace(rootSignature, '')
  const family: Record<string, string> = {
    XSW1: evilResponse(bareResponse).replace('</saml:Issuer>', () => `</saml:Issuer>${rootSignature.replace('</ds:Signature>', () => `${bareResponse}</ds:Signature>`)}`),
    XSW2: evilResponse(bareResponse).replace('</saml:Issuer>', () => `</saml:Issuer>${bareResponse}${rootSignature}`),
    XSW3: wrapped(({ signed, evil }) => evil + signed),
    XSW4: wrapped(({ signed, evil }) => evil.replace('</saml:Assertion>', () => `${signed}</saml:Assertion>`)),
    XSW5: wrapped(({ signature, bare, evil }) => evil.replace('</saml:Issuer>', () => `</saml:Issuer>${signature}`) + bare),
    XSW6: wrapped(({ signature, bare, evil }) => evil.replace('</saml:Issuer>', () => `</saml:Issuer>${signature.replace('</ds:Signature>', () => `${bare}</ds:Signature>`)}`)),
    XSW7: wrapped(({ signed, evil }) => `<samlp:Extensions>${evil}</samlp:Extensions>${signed}`),
    XSW8: wrapped(({ signature, bare, evil }) => evil.replace('</saml:Issuer>', () => `</saml:Issuer>${signature.replace('</ds:Signature>', () => `<ds:Object>${bare}</ds:Object></ds:Signature>`)}`)),
  }
  for (const [name, xml] of Object.entries(family)) assert.match(await refusal(xml), /more than one assertion|wrong place|object in a signature/, name)
  // The same without a second assertion that could be counted: the signature is of something else.
  assert.match(await refusal(wrapped(({ signature, evil }) => evil.replace('</saml:Issuer>', () => `</saml:Issuer>${signature}`))), /something else than its parent/)
})

test('G21 what has been changed, or signed by others, is refused by its signature', async () => {
  const stranger = await TestIdp.make()
  assert.match(await refusal(stranger.respond(RIGHT)), /[Ii]nvalid .*signature/)
  assert.match(await refusal(respond().replace('>alice<', '>admin<')), /[Ii]nvalid .*signature/)
  assert.match(await refusal(respond({ assertion: (xml) => xml.replace('>alice<', '>admin<') })), /[Ii]nvalid signature/)
  // A certificate that the message brings along counts for nothing.
  const own = `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${stranger.pair.certificate.replace(/-----[A-Z ]+-----|\s+/g, '')}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`
  assert.match(await refusal(stranger.respond({ ...RIGHT, assertion: (xml) => xml.replace('</ds:Signature>', () => own) }).replace('</ds:Signature>', () => own)), /[Ii]nvalid .*signature/)
})

test('G21 responses that are not for this login, here and now, are refused', async () => {
  const cases: readonly (readonly [string, Partial<Responding>, RegExp])[] = [
    ['unsigned response', { signResponse: false }, /no signature of the Response/],
    ['unsigned assertion', { signAssertion: false }, /no signature of the Assertion/],
    ['SHA-1', { algorithm: 'sha1' }, /not accepted: rsa-sha1/],
    ['expired', { ends: -61_000 }, /expired|No valid subject confirmation/],
    ['not yet valid', { begins: 120_000 }, /not (?:yet valid|valid yet)/],
    ['other audience', { audience: 'https://other/metadata' }, /audience/],
    ['other recipient', { recipient: 'https://other/acs' }, /another recipient/],
    ['other destination', { destination: 'https://other/acs' }, /another destination/],
    ['other request', { inResponseTo: '_other' }, /another request/],
    ['other request in the subject', { subjectInResponseTo: '_other' }, /subjectInResponseTo|another request/i],
    ['other issuer', { issuer: 'https://other.example.com' }, /another issuer/],
    ['a comment in the name', { nameId: 'admin<!-- -->@example.com' }, /has a comment/],
    ['an element in the name', { nameId: '<saml:b>admin</saml:b>' }, /elements in its NameID/],
    ['a processing instruction', { nameId: 'admin<?x?>' }, /processing instruction/],
    ['CDATA', { nameId: '<![CDATA[admin]]>' }, /CDATA/],
    ['an encrypted assertion', { assertion: () => '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"></saml:EncryptedAssertion>' }, /encryption of assertions off/],
    ['no assertion', { assertion: () => '' }, /no assertion/],
    ['two assertions', { assertion: (xml) => xml + xml.replaceAll(/ID="_/g, 'ID="_x') }, /more than one assertion/],
    ['a DOCTYPE', { response: (xml) => `<!DOCTYPE r [<!ENTITY a "admin">]>${xml}` }, /DOCTYPE/],
    ['a refusal', { response: (xml) => xml.replace('status:Success', 'status:Responder') }, /identity provider refused: Responder/],
    ['an id twice', { assertion: (xml) => xml.replace('<saml:Subject>', '<saml:Subject ID="_one" Id="_one">') }, /an id twice/],
    ['too deep', { nameId: '<a>'.repeat(40) + '</a>'.repeat(40) }, /too deep/],
    ['too many elements', { nameId: '<a></a>'.repeat(5000) }, /too many elements/],
    ['300 kB', { nameId: 'a'.repeat(300_000) }, /longer than/],
    ['not XML', { response: (xml) => xml.slice(0, -20) }, /not well-formed/],
  ]
  for (const [name, over, reason] of cases) assert.match(await refusal(respond(over)), reason, name)
  assert.match(await refusal(''), /not well-formed|empty/)
})

test('G21 the old key and the new one count while one replaces the other', async () => {
  const next = await TestIdp.make()
  const both = readIdpMetadata(idp.metadata({ certificates: [next.pair.certificate, idp.pair.certificate] }), undefined, Date.now())
  assert.is((await accept(respond(), both)).nameId, 'alice')
  assert.is((await accept(next.respond(RIGHT), both)).nameId, 'alice')
})

test('G21 a posted message is base64 of UTF-8, or nothing', () => {
  assert.is(decodePosted(`${base64('<a/>').slice(0, 3)}\r\n${base64('<a/>').slice(3)}`), '<a/>')
  for (const text of ['', '!!!!', 'abc', Buffer.from([0x3c, 0xff, 0x3e]).toString('base64'), 'A'.repeat(300 * 1024)]) assert.throws(() => decodePosted(text), undefined, text.slice(0, 8))
})

test.run()
