import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadProfiles, refusalOf } from './testing.ts'
import { readServerAddress } from './server-address.ts'

const staff = (lines: string): string => `[group.staff]\n[group.guests]\n[always-on-policy.profile.staff]\n${lines}\n`

test('G18 each wrong profile is one clear line with its place', () => {
  const cases: readonly (readonly [toml: string, refusal: string])[] = [
    [staff('always-onn = true'), '4:1: unknown key "always-onn" in [always-on-policy.profile.staff]; did you mean "always-on"?'],
    [staff('connect-failure = "open"'), '4:19: always-on-policy.profile.staff.connect-failure: has a meaning only with always-on = true'],
    [staff('always-on = true\nconnect-failure = "shut"'), '5:19: always-on-policy.profile.staff.connect-failure: must be one of "closed", "open", not "shut"'],
    [staff('always-on = true\nconnect-failure = "open"\ncaptive-portal = "5m"'), '6:18: always-on-policy.profile.staff.captive-portal: has a meaning only with connect-failure = "closed"'],
    [staff('always-on = true\ncaptive-portal = 5'), '5:18: always-on-policy.profile.staff.captive-portal: a bare number has no unit: write a duration such as "30s"'],
    [staff('always-on = true\ncaptive-portal = "90s"'), '5:18: always-on-policy.profile.staff.captive-portal: must be whole minutes'],
    [staff('always-on = true\ncaptive-portal = "101m"'), '5:18: always-on-policy.profile.staff.captive-portal: must be between 1m and 100m, not 101m'],
    [staff('authentication-timeout = "3m"'), '4:26: always-on-policy.profile.staff.authentication-timeout: must be between 10s and 2m, not 3m'],
    [staff('always-on = true\ntrusted-networks = { outside = "do-nothing" }'), '5:32: always-on-policy.profile.staff.trusted-networks.outside: must be "connect" with always-on = true'],
    [staff('groups = ["stuff"]'), '4:11: always-on-policy.profile.staff.groups[0]: there is no group "stuff"; did you mean "staff"?'],
    [staff('pins = ["nowhere.pem"]'), 'testdata/nowhere.pem: no such file'],
    [staff('pins = ["test.toml"]'), 'no such file'],
    [staff('pins = ["windows.toml"]'), 'testdata/windows.toml: holds no certificate in PEM'],
    [staff('refuse = ["missing-pin"]'), '4:10: always-on-policy.profile.staff.refuse: "missing-pin" needs pins'],
    [staff('ip-protocols = ["ipv4", "ipv4"]'), '4:16: always-on-policy.profile.staff.ip-protocols: names one protocol twice'],
    [staff('user-may-change = ["always-on"]'), 'always-on-policy.profile.staff.user-may-change[0]: must be one of'],
    [staff('servers = [{ name = "A\\u0007", address = "a.example" }]'), 'always-on-policy.profile.staff.servers[0].name: must not hold control characters'],
    [staff('servers = [{ name = "A", address = "https://a.example/" }]'), 'is not a server such as "vpn.example.com"'],
    [staff('servers = [{ name = "A", address = "a.example" }, { name = "a", address = "b.example" }]'), 'always-on-policy.profile.staff.servers[1]: is listed twice'],
    [staff('servers = [{ name = "A", address = "a.example" }, { name = "B", address = "A.example:443" }]'), 'always-on-policy.profile.staff.servers[1]: is listed twice'],
    [staff('trusted-networks = { https = [{ address = "a.example", certificate-sha256 = "12" }] }'), 'must be the SHA-256 fingerprint of a certificate'],
    ['[always-on-policy.profile.a]\n[always-on-policy.profile.b]\n', '2:1: always-on-policy.profile.b: has no groups, and neither has profile a: only one can be for all other groups'],
    ['[group.g]\n[always-on-policy.profile.a]\ngroups = ["g"]\n[always-on-policy.profile.b]\ngroups = ["g"]\n', '5:11: always-on-policy.profile.b.groups[0]: group "g" has profile a already'],
    ['[group.g]\n[always-on-policy.profile.a]\n[always-on-policy.profile.A]\ngroups = ["g"]\n', 'one that differs in nothing but case'],
    ['[always-on-policy.profile."../a"]\n', 'is not a name'],
    ['[always-on-policy.profile.VpnMgmtTunProfile]\n', 'is the name of the management profile'],
    ['[gateway]\nname = "vpn.example.com"\n[group.staff]\n[always-on-policy.profile.a]\nservers = [{ name = "A", address = "vpn.example.com", group = "stafff" }]\n', 'always-on-policy.profile.a.servers[0].group: there is no group "stafff"; did you mean "staff"?'],
  ]
  const wrong = cases.flatMap(([toml, refusal]) => (refusalOf(toml).includes(refusal) ? [] : [`${toml}told:   ${refusalOf(toml)}\nwanted: ${refusal}`]))
  assert.equal(wrong, [])
})

test('G18 lists have bounds', () => {
  const many = (count: number, one: (index: number) => string): string => Array.from({ length: count }, (_, index) => one(index)).join(', ')
  const server = (index: number): string => `{ name = "S${index}", address = "s${index}.example" }`
  assert.is(refusalOf(staff(`servers = [${many(200, server)}]`)), 'accepted')
  assert.match(refusalOf(staff(`servers = [${many(201, server)}]`)), 'must be at most 200 entries')
  assert.match(refusalOf(staff(`always-on = true\nallowed-hosts = [${many(51, (index) => `"h${index}.example"`)}]`)), 'must be at most 50 entries')
  assert.match(refusalOf(many(101, (index) => `[group.g${index}]\n[always-on-policy.profile.p${index}]\ngroups = ["g${index}"]\n`).replaceAll(', ', '')), 'there may be 100 profiles at most')
})

test('G18 addresses of servers: names, both families, ports', () => {
  const text = (given: string): string | undefined => readServerAddress(given)?.text
  assert.is(text('VPN.Example.com.'), 'vpn.example.com')
  assert.is(text('vpn.example.com:443'), 'vpn.example.com')
  assert.is(text('vpn.example.com:4443'), 'vpn.example.com:4443')
  assert.is(text('192.0.2.1:4443'), '192.0.2.1:4443')
  assert.is(text('2001:DB8::1'), '2001:db8::1')
  assert.is(text('[2001:db8::1]:4443'), '[2001:db8::1]:4443')
  assert.is(readServerAddress('[2001:db8::1]:4443')?.host, '2001:db8::1')
  for (const wrong of ['', 'a b', 'a.example/x', 'a.example:0', 'a.example:65536', '1.2.3', '*.example', 'a..b', '<a>', ':443', 'x'.repeat(300)]) assert.is(text(wrong), undefined, wrong)
})

test('G18 an empty section is accepted and has no profile', () => {
  assert.equal(loadProfiles('[always-on-policy]\n').config, { profile: {}, file: {}, 'known-proxies': [] })
})

test.run()
