import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerError } from '../../core/api.ts'
import { readIdpMetadata } from './idp-metadata.ts'
import { TestIdp } from './testing.ts'

const idp = await TestIdp.make()
const NOW = Date.UTC(2026, 10, 22)
const refused = (text: string, entityId?: string): string => {
  try {
    readIdpMetadata(text, entityId, NOW)
  } catch (error) {
    if (error instanceof PeerError) return error.message
    throw error
  }
  return 'taken'
}

test('G21 metadata of an identity provider: name, places, certificates', () => {
  const known = readIdpMetadata(idp.metadata({ extra: ' validUntil="2026-12-01T00:00:00Z"' }), undefined, NOW)
  assert.is(known.entityId, idp.entityId)
  assert.is(known.login.get('redirect'), 'https://idp.example.com/sso')
  assert.is(known.logout.get('redirect')?.url, 'https://idp.example.com/slo')
  assert.is(known.certificates.length, 1)
  assert.is(known.validUntil, Date.UTC(2026, 11, 1))
})

test('G21 of several identity providers the one that is named', () => {
  const bare = (xml: string): string => xml.replace(/^.*-->/, '')
  const both = `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${bare(idp.metadata())}${bare(idp.metadata({ entityId: 'https://second' }))}</md:EntitiesDescriptor>`
  assert.is(readIdpMetadata(both, 'https://second', NOW).entityId, 'https://second')
  assert.match(refused(both), /several identity providers/)
  assert.match(refused(both, 'https://third'), /no identity provider "https:\/\/third"/)
})

test('G21 metadata that cannot be used say why', () => {
  const good = idp.metadata()
  assert.match(refused('<html/>'), /no identity provider/)
  assert.match(refused(''), /empty|not well-formed/)
  assert.match(refused('not xml'), /not well-formed/)
  assert.match(refused(`<!DOCTYPE x>${good}`), /DOCTYPE/)
  assert.match(refused(good.replace('IDPSSODescriptor ', 'SPSSODescriptor ').replace('</md:IDPSSODescriptor', '</md:SPSSODescriptor')), /no identity provider/)
  assert.match(refused(idp.metadata({ extra: ' validUntil="2026-11-21T00:00:00Z"' })), /was valid until 2026-11-21/)
  assert.match(refused(idp.metadata({ certificates: [] })), /no signing certificate/)
  assert.match(refused(idp.metadata({ certificates: ['AAAA'] })), /cannot be read/)
  assert.match(refused(good.replace('https://idp.example.com/sso', 'javascript:alert(1)')), /no SingleSignOnService/)
})

test.run()
