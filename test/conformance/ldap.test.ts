// test: limit=120
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Pki } from '../lab/pki.ts'
import { LDAP_BASE, Slapd } from '../lab/slapd.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect', 'slapd', 'slapadd'] })
const PASSWORD = 'correct horse 9'
const OWN_PASSWORD = 'own secret of the gateway'
const ODD_NAME = 'jörg (x)*,+'

const FRESH = 'another horse 7'
const policy = (name: string, grace: number): string => `dn: cn=${name},${LDAP_BASE}\nobjectClass: device\nobjectClass: pwdPolicy\npwdAttribute: userPassword\npwdMaxAge: 864000\npwdGraceAuthnLimit: ${grace}\npwdMinLength: 8\npwdCheckQuality: 2\npwdInHistory: 3\npwdMustChange: TRUE\n`
const person = (rdn: string, uid: string): string => `dn: ${rdn},ou=people,${LDAP_BASE}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: x\nuserPassword: ${PASSWORD}\n`
const group = (name: string, ...members: readonly string[]): string => `dn: cn=${name},ou=groups,${LDAP_BASE}\nobjectClass: groupOfNames\n${members.map((member) => `member: ${member},${LDAP_BASE}\n`).join('')}`
const LDIF = [
  `dn: cn=gateway,${LDAP_BASE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\nuserPassword: ${OWN_PASSWORD}\n`,
  ...['people', 'groups'].map((name) => `dn: ou=${name},${LDAP_BASE}\nobjectClass: organizationalUnit\n`),
  `${person('uid=alice', 'Alice')}memberOf: cn=VPN Users,ou=groups,${LDAP_BASE}\n`, person('uid=bob', 'bob'), person('uid=mallory', 'mallory'),
  person('cn=first', 'twice'), person('cn=second', 'twice'), person('uid=j\u00f6rg (x)*\\,\\+', ODD_NAME),
  policy('two graces', 2), policy('no grace', 0),
  ...[['grace', 'two graces', 'pwdChangedTime: 20200101000000Z'], ['expired', 'no grace', 'pwdChangedTime: 20200101000000Z'], ['reset', 'no grace', 'pwdReset: TRUE']].map(([uid = '', name = '', state = '']) =>
    `${person(`uid=${uid}`, uid)}pwdPolicySubentry: cn=${name},${LDAP_BASE}\n${state}\nmemberOf: cn=VPN Users,ou=groups,${LDAP_BASE}\n`),
  // Bob is in a team, which is in a department, which may use the VPN, and is in the team.
  group('VPN Users', ...['alice', 'grace', 'expired', 'reset'].map((uid) => `uid=${uid},ou=people`), 'cn=department,ou=groups', 'uid=jörg (x)*\\,\\+,ou=people'), group('department', 'cn=team,ou=groups'), group('team', 'uid=bob,ou=people', 'cn=VPN Users,ou=groups'),
].join('\n')

test('slapd: names as they are there, wrong passwords, groups in groups, expired passwords changed, StartTLS, LDAPS, failover, user-dn', async (lab) => {
  const pki = await Pki.make(join(lab.folder, 'ldap-pki'), 'Directory CA')
  const certificate = await pki.issue('directory', { extensions: ['basicConstraints = critical,CA:FALSE', 'extendedKeyUsage = serverAuth', `subjectAltName = IP:${LAN.ipv4}`] })
  const first = await Slapd.start(lab, lab.lan, { ldif: LDIF, pki, certificate })
  const second = await Slapd.start(lab, lab.lan, { ldif: LDIF, pki, certificate, ports: [1389, 1636] })
  const own = join(lab.folder, 'ldap.secret')
  writeFileSync(own, `${OWN_PASSWORD}\n`, { mode: 0o600 })
  const urls = [`ldaps://${LAN.ipv4}`, `ldap://${LAN.ipv4}:1389`] as const
  const section = { 'server': urls.map((url) => ({ url, ca: pki.ca })), 'bind-dn': `cn=gateway,${LDAP_BASE}`, 'bind-password-file': own, 'base-dn': LDAP_BASE, 'timeout': '2s', 'group-map': { 'vpn users': 'partners' } }
  const nested = { ...section, 'group-filter': '(&(objectClass=groupOfNames)(member={dn}))', 'nested-groups': true }
  const config = { group: { staff: { auth: [['ldap']] }, partners: { auth: [['ldap']] } } }
  const gateway = await Gateway.start(lab, { config: { ...config, 'auth-ldap': nested } })
  const login = async (user: string, ...answers: readonly string[]): Promise<string> => {
    const client = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user, answers: answers.length > 0 ? answers : [PASSWORD], args: ['--authgroup', 'partners', '--authenticate'] })
    const { code, stdout } = await client.ended()
    return code === 0 && stdout.includes('COOKIE=') ? 'in' : client.output
  }

  const alice = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'ALICE', answers: [PASSWORD], args: ['--authgroup', 'partners'] })
  assert.equal([(await gateway.session()).user, (await gateway.session()).group], ['Alice', 'partners'])
  await alice.stop()
  assert.is(await login('bob'), 'in')
  assert.is(await login(ODD_NAME), 'in')
  for (const [user, password] of [['alice', 'wrong'], ['a*', PASSWORD], ['nobody', PASSWORD], ['twice', PASSWORD]] as const) assert.match(await login(user, password), /Login failed|Authentication failure|wrong/i, user)
  assert.match(await login('mallory'), /not a member/)

  // Passwords that have to be changed: as the user while there are grace logins, then with the rights of the gateway.
  for (const user of ['grace', 'expired']) assert.is(await login(user, PASSWORD, FRESH, FRESH), 'in', user)
  assert.equal(first.output.match(/EXT oid=1\.3\.6\.1\.4\.1\.4203\.1\.11\.1/g)?.length, 2)

  // The first dies; memberOf by StartTLS at the second: bob is in no group by himself.
  await first.stop()
  assert.is(await login('bob'), 'in')
  const { health } = await gateway.status() as { readonly health: readonly { readonly code: string }[] }
  assert.ok(health.some(({ code }) => code === `auth-ldap-server-${urls[0]}`))
  assert.match(second.output, /EXT oid=1\.3\.6\.1\.4\.1\.1466\.20037/)
  gateway.configure({ ...config, 'auth-ldap': { ...section, 'group-from': 'memberOf' } })
  await gateway.must(['reload'])
  assert.is(await login('alice'), 'in')
  assert.match(await login('bob'), /not a member/)

  // No search, and nobody to search as: must be changed, too short, once more.
  gateway.configure({ ...config, 'auth-ldap': { 'server': section.server.slice(1), 'user-dn': `uid={user},ou=people,${LDAP_BASE}`, 'base-dn': LDAP_BASE, 'group-from': 'memberOf', 'group-map': section['group-map'] } })
  await gateway.must(['reload'])
  assert.is(await login('reset', PASSWORD, 'short', 'short', FRESH, FRESH), 'in')
  assert.match(await gateway.must(['audit', '--json']), /"user.passwd"[^}]*"at the login, in the directory"/)

  // A CA that did not sign the server's certificate.
  const other = await Pki.make(join(lab.folder, 'other-pki'), 'Other CA')
  gateway.configure({ ...config, 'auth-ldap': { ...nested, server: [{ url: urls[1], ca: other.ca }] } })
  await gateway.must(['reload'])
  assert.not.match(await login('bob'), /^in$/)
  assert.not.match(gateway.log, new RegExp(`${PASSWORD}|${OWN_PASSWORD}|${FRESH}`))
})

test.run()
