import { BerReader, BerWriter, EqualityFilter, ExtensibleFilter, FilterParser, type AndFilter, type Filter } from 'ldapts'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Mutator } from '../../test/fuzz/mutate.ts'
import { primaryGroupSid } from './active-directory.ts'
import { bindRefusal } from './bind-refusal.ts'
import { dnKey, escapeDnValue, firstValue, isBelow, parseDn } from './dn.ts'
import { escapeFilterValue, fill, filterProblem } from './filter.ts'
import { mapGroups } from './groups.ts'

const HOSTILE = ['*', 'a)(uid=*', '\\2a', ' alice ', '#1', 'a,ou=admins', 'a+cn=b', 'a"b;c<d>e=f', 'jörg 日本 😀', '\\', '(', 'a\\', '{dn}']

const written = (filter: Filter): Buffer => {
  const writer = new BerWriter()
  filter.write(writer)
  return writer.buffer
}

test('a name in a filter is a value and nothing else', () => {
  for (const name of HOSTILE) {
    const filter = FilterParser.parseString(fill('(uid={user})', { user: name, dn: 'cn=other' }, escapeFilterValue))
    assert.instance(filter, EqualityFilter)
    assert.equal([(filter as EqualityFilter).attribute, (filter as EqualityFilter).value], ['uid', name])
  }
  assert.is(escapeFilterValue('\0*()\\é'), '\\00\\2a\\28\\29\\5cé')
})
test('a name in a DN is one value of it and nothing else', () => {
  for (const name of HOSTILE) {
    const dn = parseDn(fill('uid={user},ou=people,dc=example', { user: name }, escapeDnValue))
    assert.equal([dn?.length, dn?.[0]?.length, dn && firstValue(dn)], [3, 1, name], name)
  }
})
test('whatever a name is made of, it comes back as it went in, from filters, chains of groups and DNs', () => {
  const random = new Mutator(20261122)
  const pieces = [...'\\\\()*,+="<>;#/&|!:=  \0aZ\u00e9\u65e5\u{1f600}', '\\2a', '\\', '{user}', '{dn}', ')(uid=*', ',dc=x']
  for (let round = 0; round < 3000; round++) {
    const name = Array.from({ length: 1 + random.below(12) }, () => pieces[random.below(pieces.length)]).join('')
    const read = FilterParser.parse(new BerReader(written(FilterParser.parseString(fill('(&(objectClass=*)(uid={user}))', { user: name, dn: 'cn=other' }, escapeFilterValue)))))
    assert.is((read as AndFilter).filters.length, 2, JSON.stringify(name))
    assert.equal([(read as AndFilter).filters[1]].map((one) => one instanceof EqualityFilter && [one.attribute, one.value]), [['uid', name]], JSON.stringify(name))
    const chain = FilterParser.parse(new BerReader(written(FilterParser.parseString(`(member:1.2.3:=${escapeFilterValue(name)})`))))
    assert.ok(chain instanceof ExtensibleFilter && chain.value === name && chain.rule === '1.2.3', JSON.stringify(name))
    const dn = parseDn(fill('uid={user},ou=people,dc=example', { user: name }, escapeDnValue))
    assert.equal([dn?.length, dn?.[0]?.length, dn && firstValue(dn)], [3, 1, name], JSON.stringify(name))
  }
})
test('the primary group is the account\'s SID with another end; nonsense is none', () => {
  const of = (sid: string, id: string | undefined): string | undefined => primaryGroupSid({ values: () => (id === undefined ? [] : [id]), bytes: () => (sid === '' ? [] : [Buffer.from(sid, 'hex')]) })
  assert.is(of('010500000000000515000000ffffffff0200000003000000f4010000', '513'), 'S-1-5-21-4294967295-2-3-513')
  assert.is(of('010100000000000512000000', '1'), 'S-1-5-1')
  for (const [sid, id] of [['', '513'], ['0101000000000005', '513'], ['020100000000000512000000', '513'], ['01000000000000051200', '513'], ['010100000000000512000000', undefined], ['010100000000000512000000', '1>,dc=x'], ['010100000000000512000000', '-1']] as const) assert.is(of(sid, id), undefined, `${sid} ${id}`)
})
test('names are equal whatever their case, blanks and way of escaping', () => {
  const key = (text: string): string | undefined => {
    const dn = parseDn(text)
    return dn && dnKey(dn)
  }
  assert.is(key('CN=J\\C3\\B6rg\\, X , OU=People,DC=Example'), key('cn=jörg\\2c x,ou=people,dc=example'))
  assert.is(key('cn=a+uid=b,dc=x'), key('UID=B+CN=A,dc=x'))
  assert.is.not(key('cn=a\\,dc=x'), key('cn=a,dc=x'))
  for (const text of ['x', 'cn=a,', 'cn=a,,dc=x', 'cn="a",dc=x', 'cn=a\\', 'cn=a;dc=x', '=a', `cn=${'a'.repeat(5000)}`]) assert.is(parseDn(text), undefined, text)
})
test('below is by whole parts', () => {
  const below = (dn: string, base: string): boolean => isBelow(parseDn(dn) ?? [], parseDn(base) ?? [])
  assert.ok(below('cn=a,OU=Groups,dc=x', 'ou=groups,DC=x'))
  assert.ok(below('ou=groups,dc=x', 'ou=groups,dc=x'))
  assert.not.ok(below('cn=a,ou=mygroups,dc=x', 'ou=groups,dc=x'))
  assert.not.ok(below('cn=a\\,ou=groups\\,dc=x', 'ou=groups,dc=x'))
})
test('groups count below their base, by common name or map, in the order of the gateway', () => {
  const section = { 'base-dn': 'dc=x', 'group-base-dn': 'ou=vpn,dc=x', 'group-from': 'memberOf', 'group-filter': undefined, 'nested-groups': false, 'group-map': { 'VPN Users': 'staff', 'gone': 'not-there' } }
  const groups = new Map([['staff', {}], ['Partners', {}], ['admins', {}]])
  const names = ['cn=partners,ou=vpn,dc=x', 'cn=vpn users,ou=VPN,dc=x', 'cn=admins,ou=people,dc=x', 'cn=gone,ou=vpn,dc=x', 'cn=unknown,ou=vpn,dc=x', 'admins', 'ou=vpn,dc=x']
  assert.equal(mapGroups(section, names, groups), ['staff', 'Partners'])
})
test('a filter that is none is told', () => {
  for (const text of ['uid={user}', '((uid={user}))', '(uid={user}', '(uid={user}))', '()', '(&)', '(uid\\{user})']) assert.type(filterProblem(text), 'string', text)
  assert.is(filterProblem('(&(objectClass=user)(|(sAMAccountName={user})(userPrincipalName={user}))(!(userAccountControl:1.2.840.113556.1.4.803:=2)))'), undefined)
})
test('what Active Directory says behind error 49; a locked account is told to nobody without the password', () => {
  const said = (data: string): string | undefined => bindRefusal(49, `80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ${data}, v3839`)?.reason
  assert.equal(['525', '52e', '52f', '530', '531', '532', '533', '701', '773', '775', '999'].map(said),
    ['wrong-credentials', 'wrong-credentials', 'locked', 'locked', 'locked', 'password-expired', 'locked', 'expired', 'password-expired', 'wrong-credentials', 'wrong-credentials'])
  assert.is(bindRefusal(49, '')?.reason, 'wrong-credentials')
  assert.equal([13, 8, 1, 51].map((code) => bindRefusal(code, '')), [undefined, undefined, undefined, undefined])
})

test.run()
