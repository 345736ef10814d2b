import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AuthLdapConfig, mapProblems } from './config.ts'

const SERVER = { url: 'ldaps://dc1.corp.example' }
const problems = (section: Readonly<Record<string, unknown>>): readonly string[] => {
  const result = AuthLdapConfig.safeParse({ 'server': [SERVER], 'base-dn': 'dc=x', ...section })
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}
const server = (more: Readonly<Record<string, unknown>>): readonly string[] => problems({ server: [more] })

test('servers: scheme, port, TLS unless on this machine', () => {
  const parsed = AuthLdapConfig.parse({ 'server': [SERVER, { url: 'ldap://[fd00::5]:1389/' }, { 'url': 'ldap://127.0.0.1', 'start-tls': false }], 'base-dn': 'dc=x' })
  assert.equal(parsed.server.map(({ name, host, port, encryption }) => `${name} ${host} ${port} ${encryption}`), ['ldaps://dc1.corp.example dc1.corp.example 636 tls', 'ldap://[fd00::5]:1389 fd00::5 1389 start-tls', 'ldap://127.0.0.1 127.0.0.1 389 none'])
  for (const url of ['dc1', 'http://dc1', 'ldap://', 'ldap://dc1/dc=x', 'ldap://u:p@dc1', 'ldap://dc1:0', 'ldap://dc1:65536', 'ldap://d c1']) assert.match(server({ url })[0] ?? '', /is not a server such as/, url)
  assert.match(server({ 'url': 'ldap://10.0.0.5', 'start-tls': false })[0] ?? '', /start-tls: passwords would go over the network/)
  assert.match(server({ ...SERVER, 'start-tls': true })[0] ?? '', /belongs to a server with ldap:/)
  assert.match(problems({ server: [SERVER, SERVER] })[0] ?? '', /server\.1\.url: ldaps:\/\/dc1\.corp\.example is listed twice/)
})
test('keys that need or exclude each other', () => {
  for (const [section, line] of [
    [{ 'bind-dn': 'cn=a' }, /bind-password-file: bind-dn and/], [{ 'bind-dn': 'a' }, /bind-dn: is not a name/], [{ 'user-filter': '(uid=x)' }, /user-filter: does not say/], [{ 'user-filter': '(uid={user}))' }, /user-filter: is not a filter/],
    [{ 'user-dn': 'uid={user},dc=x', 'user-filter': '(uid={user})' }, /user-dn: stands instead/], [{ 'user-dn': '{user}' }, /user-dn: is not a name/], [{ 'user-dn': 'uid=x,dc=x' }, /user-dn: is not a name/],
    [{ 'group-from': 'memberOf', 'group-filter': '(member={dn})' }, /group-filter: stands instead/], [{ 'nested-groups': true }, /nested-groups: needs/], [{ 'nested-groups': true, 'group-filter': '(memberUid={user})' }, /nested-groups: needs/],
  ] as const) assert.match(problems(section).join('\n'), line)
  assert.equal(problems({ 'user-dn': 'uid={user},ou=people,dc=x', 'group-from': 'memberOf', 'nested-groups': true }), [])
  const parsed = AuthLdapConfig.parse({ 'server': [SERVER], 'base-dn': 'dc=x', 'group-map': { a: 'staff', b: 'gone' } })
  assert.equal(mapProblems(parsed, { groups: new Map([['staff', {}]]) as never }), [{ path: ['group-map', 'b'], message: 'there is no group "gone"' }])
})

test.run()
