import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FileRefusal } from '../../core/api.ts'
import { PROFILE_FILE_LIMITS, readProfileDocument } from './profile-file.ts'
import { refusalOf, testdata } from './testing.ts'

const READY = readFileSync(testdata('ready.xml'))
const profile = (inner: string): string => `<AnyConnectProfile xmlns="http://schemas.xmlsoap.org/encoding/">${inner}</AnyConnectProfile>`
const refusal = (xml: string | Uint8Array): string => {
  try {
    readProfileDocument(typeof xml === 'string' ? Buffer.from(xml) : xml)
  } catch (error) {
    if (error instanceof FileRefusal) return error.message
    throw error
  }
  return 'accepted'
}

test('G18 a ready-made profile keeps its bytes; its servers, backups and rules are known', () => {
  const { xml, hosts, alwaysOn, trustRules } = readProfileDocument(READY)
  assert.ok(Buffer.from(xml).equals(READY))
  assert.equal(hosts, ['vpn3.example.com', 'vpn.example.com', '192.0.2.7', 'vpn2.example.com'])
  assert.equal([alwaysOn, trustRules], [true, true])
  assert.equal(readProfileDocument(Buffer.from(profile('<ClientInitialization><AutomaticVPNPolicy>false</AutomaticVPNPolicy></ClientInitialization>'))), { xml: profile('<ClientInitialization><AutomaticVPNPolicy>false</AutomaticVPNPolicy></ClientInitialization>'), hosts: [], alwaysOn: false, trustRules: false })
})

test('G18 a file that is no profile is refused in one line', () => {
  assert.match(refusal(Buffer.from([0x3c, 0xff])), 'is not UTF-8')
  assert.match(refusal('<config-auth/>'), 'is no AnyConnectProfile')
  assert.match(refusal('<AnyConnectProfile/>'), 'is no AnyConnectProfile')
  assert.match(refusal(''), 'is no well-formed XML')
  assert.match(refusal(profile('<a>')), 'is no well-formed XML')
  assert.match(refusal(profile('&bomb;')), 'is no well-formed XML')
  assert.match(refusal(`<!DOCTYPE x [<!ENTITY a "b">]>${profile('')}`), 'has a DOCTYPE')
  assert.match(refusal(profile('<a>'.repeat(PROFILE_FILE_LIMITS.depth) + '</a>'.repeat(PROFILE_FILE_LIMITS.depth))), 'is nested too deeply')
  assert.match(refusal(profile('<a/>'.repeat(PROFILE_FILE_LIMITS.elements))), 'has too many elements')
  const at = '[always-on-policy.file.old]\n'
  assert.match(refusalOf(`${at}path = "windows.toml"\n`), /^2:8: always-on-policy\.file\.old\.path: .*windows\.toml: is no well-formed XML/)
  assert.match(refusalOf(`${at}path = "nowhere.xml"\n`), 'nowhere.xml: no such file')
  assert.match(refusalOf(`${at}path = "ready.xml"\nrefuse = ["missing-pin"]\n`), 'must be one of "other-names", "proxies", "other-clients"')
  assert.match(refusalOf(`${at}path = "ready.xml"\ngroups = ["none"]\n`), 'always-on-policy.file.old.groups[0]: there is no group "none"')
  assert.match(refusalOf(`[always-on-policy.profile.Old]\n${at}path = "ready.xml"\n`), 'has the name of another profile')
})

test('a damaged profile is refused or read, never anything else', () => {
  let seed = 7
  const random = (limit: number): number => ((seed = Math.imul(seed, 1_103_515_245) + 12_345) >>> 8) % limit
  let refused = 0
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(READY)
    for (let change = 0; change <= random(4); change++) bytes[random(bytes.length)] = random(16) === 0 ? random(256) : 32 + random(95)
    if (refusal(bytes.subarray(0, random(8) === 0 ? random(bytes.length) : bytes.length)) !== 'accepted') refused++
  }
  assert.ok(refused > 500 && refused < 2000, `${refused}`)
})

test.run()
