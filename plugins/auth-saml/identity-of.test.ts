import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SamlSubject } from './assertion.ts'
import { AuthSamlConfig } from './config.ts'
import { identityOf, NotAllowed } from './identity-of.ts'
import { TRANSIENT } from './namespaces.ts'

const GROUPS = new Map([['staff', { auth: [['saml']] }], ['admins', { auth: [['saml']] }], ['both', { auth: [['saml', 'local']] }]])
const config = (over: Readonly<Record<string, unknown>> = {}): AuthSamlConfig => AuthSamlConfig.parse({ 'idp-metadata-file': 'idp.xml', ...over })
const subject = (over: Partial<SamlSubject> = {}, attributes: Readonly<Record<string, readonly string[]>> = {}): SamlSubject => ({
  nameId: 'alice', nameIdFormat: undefined, sessionIndex: undefined, assertionId: '_a', notOnOrAfter: 0, ...over, attributes: new Map(Object.entries(attributes)),
})
const identity = (over: Readonly<Record<string, unknown>>, about: SamlSubject, picked = 'staff') => identityOf(about, config(over), GROUPS, picked, '{}')
const refusal = (over: Readonly<Record<string, unknown>>, about: SamlSubject): string => {
  try {
    identity(over, about)
  } catch (error) {
    if (error instanceof NotAllowed) return error.message
    throw error
  }
  return 'taken'
}

test('G21 the user name comes from the NameID or an attribute, and must be a name', () => {
  assert.is(identity({}, subject()).user, 'alice')
  assert.is(identity({ 'user-from': 'uid' }, subject({ nameId: '_x', nameIdFormat: TRANSIENT }, { uid: ['bob'] })).user, 'bob')
  assert.match(refusal({}, subject({ nameIdFormat: TRANSIENT })), /transient/)
  assert.match(refusal({}, subject({ nameId: '' })), /no NameID/)
  assert.match(refusal({ 'user-from': 'uid' }, subject()), /no attribute "uid"/)
  assert.match(refusal({ 'user-from': 'uid' }, subject({}, { uid: ['a', 'b'] })), /several values/)
  for (const nameId of ['a\u0000b', 'a\nb', 'a\u202eb', 'a'.repeat(129)]) assert.match(refusal({}, subject({ nameId })), /characters that no name has/)
})

test('G21 groups: those of the attribute that exist here, the picked one first, or none at all', () => {
  const from = { 'group-from': 'groups', 'group-map': { '7f3a': 'admins' } }
  assert.equal(identity(from, subject({}, { groups: ['everybody', '7f3a', 'staff'] })).groups, ['staff', 'admins'])
  const moved = identity(from, subject({}, { groups: ['7f3a'] }))
  assert.equal([moved.groups, moved.groupsDecide], [['admins'], true])
  assert.match(refusal(from, subject({}, { groups: ['everybody'] })), /none of the 1 values/)
  assert.match(refusal(from, subject()), /no attribute "groups"/)
  assert.equal(identity({}, subject(), 'admins').groups, ['admins'])
  assert.equal(identity({}, subject(), 'both').groups, [], 'another step of the chain knows')
})

test('G21 attributes become policy as if they stood in the file; what would not stand there keeps the user out', () => {
  const attributes = { ip: 'ipv4-address', dns: 'dns', mtu: 'mtu', lan: 'local-lan', end: 'session-timeout' }
  const values = identity({ attributes }, subject({}, { ip: ['10.20.0.9'], dns: ['10.0.0.1', '10.0.0.2'], mtu: ['1300'], lan: ['true'], end: ['8h'] })).attributes?.values
  assert.equal(values, { ipv4Address: '10.20.0.9', dns: ['10.0.0.1', '10.0.0.2'], mtu: 1300, localLan: true, sessionTimeoutSec: 28_800 })
  assert.match(refusal({ attributes }, subject({}, { mtu: ['99999'] })), /attributes for the policy: .*mtu/)
})

test('G21 the section: one source of metadata, https, certificate with key', () => {
  const problems = (over: Readonly<Record<string, unknown>>): string => AuthSamlConfig.safeParse(over).error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ') ?? 'valid'
  assert.match(problems({}), /idp-metadata-file is missing/)
  assert.match(problems({ 'idp-metadata-file': 'a', 'idp-metadata-url': 'https://a' }), /give one of them/)
  assert.match(problems({ 'idp-metadata-url': 'http://idp.example.com/' }), /https URL/)
  assert.match(problems({ 'idp-metadata-file': 'a', certificate: 'c.pem' }), /key is missing/)
  assert.match(problems({ 'idp-metadata-file': 'a', 'base-url': 'https://vpn.example.com/path' }), /without a path/)
  assert.is(problems({ 'idp-metadata-url': 'http://127.0.0.1:8085/' }), 'valid')
})

test.run()
