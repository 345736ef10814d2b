import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Identity } from '../../core/api.ts'
import { mergedIdentity } from './merged-identity.ts'

const one = (source: string, over: Partial<Identity> = {}): Identity => ({ user: 'alice', groups: [], source, ...over })

test('one step is what it proves; two that name different users prove nothing', () => {
  const only = one('local', { groups: ['staff'] })
  assert.is(mergedIdentity([only]), only)
  assert.is(mergedIdentity([]), undefined)
  assert.is(mergedIdentity([one('certificate'), one('local', { user: 'bob' })]), undefined)
  assert.is(mergedIdentity([one('certificate'), one('local', { user: 'bob' }), one('totp')]), undefined)
})
test('the last spelling of the name counts, and every source is named', () => {
  const merged = mergedIdentity([one('certificate', { user: 'ALICE' }), one('local', { user: 'Alice' }), one('totp', { user: 'alice' })])
  assert.equal([merged?.user, merged?.source], ['alice', 'certificate+local+totp'])
})
test('groups are those of the first step that knows any, not the sum; who decides goes before', () => {
  assert.equal(mergedIdentity([one('certificate'), one('local', { groups: ['a', 'b'] }), one('totp', { groups: ['c'] })])?.groups, ['a', 'b'])
  const decided = mergedIdentity([one('local', { groups: ['a'] }), one('radius', { groups: ['r'], groupsDecide: true })])
  assert.equal([decided?.groups, decided?.groupsDecide], [['r'], true])
  const nobody = mergedIdentity([one('radius', { groupsDecide: true }), one('totp')])
  assert.equal([nobody?.groups, nobody?.groupsDecide], [[], true])
  assert.is(mergedIdentity([one('local'), one('totp')])?.groupsDecide, undefined)
})
test('policy is merged key by key, the later step first; what lists append is kept of both', () => {
  const attributes = mergedIdentity([
    one('saml', { attributes: { origin: 'saml', values: { banner: 'from saml', mtu: 1300, append: { dns: ['10.0.0.1'] } } } }),
    one('radius', { attributes: { origin: 'radius 10.0.0.5', values: { banner: 'from radius', append: { splitInclude: ['10.1.0.0/16'] } } } }),
    one('totp'),
  ])?.attributes
  assert.equal(attributes, { origin: 'saml, radius 10.0.0.5', values: { banner: 'from radius', mtu: 1300, append: { dns: ['10.0.0.1'], splitInclude: ['10.1.0.0/16'] } } })
  assert.is(mergedIdentity([one('local'), one('totp')])?.attributes, undefined)
})
test('one ticket stays as its source wrote it; several stand under the names of theirs', () => {
  assert.is(mergedIdentity([one('radius', { ticket: '{"class":"x"}' }), one('totp')])?.ticket, '{"class":"x"}')
  assert.equal(JSON.parse(mergedIdentity([one('saml', { ticket: 's' }), one('radius', { ticket: '{"class":"x"}' })])?.ticket ?? ''), { saml: 's', radius: '{"class":"x"}' })
})

test.run()
