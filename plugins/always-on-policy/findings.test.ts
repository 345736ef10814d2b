import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { profileFindings } from './findings.ts'
import { ProfileBook } from './profile-book.ts'
import { loadProfiles, testdata } from './testing.ts'

const pem = (name: string): string => readFileSync(testdata(name), 'utf8')
const TRUST = 'trusted-networks = { domains = ["corp.example"] }\n'

function findings(toml: string, chains: (serverName: string | undefined) => readonly string[] = () => [pem('issued.pem')]): readonly string[] {
  const { core, config } = loadProfiles(`[gateway]\nname = "vpn.example.com"\n${toml}`)
  return profileFindings(new ProfileBook(config, core).list(), core, chains).map(({ severity, text }) => `${severity} ${text}`)
}

test('G18 what would lock clients out is found before it does', () => {
  const profile = '[always-on-policy.profile.a]\n'
  assert.equal(findings(`${profile}always-on = true\npins = ["authority.pem"]\n${TRUST}`), [])
  assert.equal(findings(`${profile}always-on = true\n`), ['warning profile a: always-on without rules in trusted-networks: Cisco\'s client may leave the whole automatic policy out'])
  assert.equal(findings(`${profile}always-on = true\nservers = [{ name = "A", address = "other.example" }]\n${TRUST}`), ['warning profile a: no server of it is this gateway (vpn.example.com): always-on clients will not dial it'])
  assert.equal(findings(`${profile}always-on = true\n${TRUST}`, () => [pem('other.pem')]), [
    'warning profile a: always-on clients refuse a certificate they do not trust, and that of vpn.example.com is self-signed: use one of a CA, or install it on every client',
  ])
  assert.equal(findings(`${profile}pins = ["other.pem"]\n`), ['error profile a: the certificate of vpn.example.com has none of the pins in its chain: clients that have the profile are locked out'])
  assert.equal(findings(`${profile}pins = ["other.pem"]\n`, () => [pem('issued.pem'), pem('other.pem')]), ['error profile a: one of the certificates of vpn.example.com has none of the pins in its chain: clients that have the profile are locked out'])
  assert.equal(findings(`${profile}pins = ["other.pem"]\n`, () => []), [], 'certificates that cannot be read are told elsewhere')
})

test('G18 a profile of a virtual host names that host, whose certificate counts', () => {
  const toml = '[group.staff]\n[group.partners]\n[host.partner]\nnames = ["*.wild.example", "partner.example"]\ngroups = ["partners"]\n[always-on-policy.profile.p]\ngroups = ["partners"]\npins = ["authority.pem"]\n'
  const asked: (string | undefined)[] = []
  assert.equal(findings(toml, (name) => (asked.push(name), [pem('issued.pem')])), [])
  assert.equal(asked, ['partner.example'])
  const { core, config } = loadProfiles(toml)
  assert.match(new ProfileBook(config, core).list()[0]?.xml ?? '', '<HostAddress>partner.example</HostAddress>\n      <UserGroup>partners</UserGroup>')
})

test.run()
