import { createSign } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readIdpMetadata } from './idp-metadata.ts'
import { logoutAnswerUrl, readPostedLogout, readRedirectedLogout } from './logout-request.ts'
import { SAML, SAMLP } from './namespaces.ts'
import { newId, TestIdp } from './testing.ts'
import { isMeant, ticketOf } from './ticket.ts'

const idp = await TestIdp.make()
const urls = { entityId: 'https://gw/metadata', acs: 'https://gw/acs', login: '', logout: 'https://gw/slo', final: '', code: '' }
const parts = { urls, idp: readIdpMetadata(idp.metadata(), undefined, Date.now()), key: idp.pair, now: Date.now() }

const request = (over: { readonly destination?: string; readonly age?: number; readonly issuer?: string } = {}): string =>
  `<samlp:LogoutRequest xmlns:samlp="${SAMLP}" Destination="${over.destination ?? urls.logout}" ID="${newId()}" IssueInstant="${new Date(Date.now() - (over.age ?? 0)).toISOString()}" Version="2.0"><saml:Issuer xmlns:saml="${SAML}">${over.issuer ?? idp.entityId}</saml:Issuer><saml:NameID xmlns:saml="${SAML}">alice</saml:NameID><samlp:SessionIndex>_session1</samlp:SessionIndex></samlp:LogoutRequest>`
function query(xml: string | Buffer, key = idp.pair.key): string {
  const signed = `SAMLRequest=${encodeURIComponent(deflateRawSync(xml).toString('base64'))}&RelayState=back&SigAlg=${encodeURIComponent('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256')}`
  return `${signed}&Signature=${encodeURIComponent(createSign('RSA-SHA256').update(signed).sign(key, 'base64'))}`
}

test('G21 a signed logout is read from the redirect and the POST binding, and answered', async () => {
  for (const read of [readRedirectedLogout(query(request()), parts), await readPostedLogout(idp.sign(request()), parts)]) {
    assert.equal([read.nameId, read.indexes], ['alice', ['_session1']])
    const answer = new URL((await logoutAnswerUrl(read, 'back', parts)) ?? '')
    assert.is(answer.searchParams.get('RelayState'), 'back')
    assert.ok(answer.searchParams.has('Signature'))
    assert.ok(inflateRawSync(Buffer.from(answer.searchParams.get('SAMLResponse') ?? '', 'base64')).toString().includes(`InResponseTo="${read.id}"`))
  }
})

test('G21 a logout that is not signed, not ours, old, or a bomb is refused', async () => {
  const stranger = await TestIdp.make()
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['unsigned', query(request()).replace(/&SigAlg=.*/, ''), /no signature/],
    ['another key', query(request(), stranger.pair.key), /wrong signature/],
    ['changed', query(request()).replace('RelayState=back', 'RelayState=away'), /wrong signature/],
    ['a parameter twice', `${query(request())}&SAMLRequest=x`, /twice/],
    ['old', query(request({ age: 400_000 })), /too old/],
    ['another destination', query(request({ destination: 'https://other/slo' })), /another destination/],
    ['another issuer', query(request({ issuer: 'https://other' })), /another issuer/],
    ['a bomb', query(Buffer.alloc(8 * 1024 * 1024, 0x20)), /cannot be inflated to 65536 bytes/],
    ['no logout', query('<a/>'), /no LogoutRequest/],
  ]
  for (const [name, text, reason] of cases) assert.throws(() => readRedirectedLogout(text, parts), reason, name)
  for (const [name, xml] of [['unsigned', request()], ['another key', stranger.sign(request())], ['changed', idp.sign(request()).replace('>alice<', '>admin<')]] as const) {
    const taken = await readPostedLogout(xml, parts).then(() => true, () => false)
    assert.not.ok(taken, name)
  }
})

test('G21 a logout means the sessions of its name and index, also where a chain has more tickets', () => {
  const ticket = ticketOf('idp', { nameId: 'alice', sessionIndex: '1' })
  assert.ok(isMeant(ticket, 'idp', 'alice', ['2', '1']))
  assert.ok(isMeant(JSON.stringify({ saml: ticket, radius: 'x' }), 'idp', 'alice', []))
  assert.not.ok(isMeant(ticket, 'idp', 'alice', ['2']))
  assert.not.ok(isMeant(ticket, 'other', 'alice', []))
  for (const foreign of [undefined, 'alice', '{broken}', '{"saml":1}', '{"name":1}']) assert.not.ok(isMeant(foreign, 'idp', 'alice', []))
})

test.run()
