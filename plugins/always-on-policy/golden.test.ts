import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ProfileBook } from './profile-book.ts'
import { loadFile, testdata } from './testing.ts'

const NAMES = readdirSync(testdata('')).filter((name) => name.endsWith('.toml')).map((name) => name.replace('.toml', ''))

function profileOf(name: string) {
  const { core, config } = loadFile(`${name}.toml`)
  const [profile] = new ProfileBook(config, core).list()
  if (!profile) throw new Error('no profile')
  return profile
}

for (const name of NAMES) {
  test(`G18 ${name}: the profile of the file is the golden one, and its hash is over its bytes`, () => {
    const { xml, sha1 } = profileOf(name)
    const golden = testdata(`${name}.xml`)
    if (process.env['GOLDEN'] === 'write') writeFileSync(golden, xml)
    assert.fixture(xml, readFileSync(golden, 'utf8'))
    assert.is(sha1, createHash('sha1').update(readFileSync(golden)).digest('hex').toUpperCase())
  })
}

test('G18 a real parser finds each golden file valid by the schema, and would find a setting out of its place', () => {
  const check = (xml: string) => spawnSync('xmllint', ['--nonet', '--noout', '--schema', testdata('profile.xsd'), '-'], { input: xml, encoding: 'utf8' })
  for (const name of NAMES) assert.is(check(profileOf(name).xml).status, 0, check(profileOf(name).xml).stderr)
  const good = profileOf('windows').xml
  for (const [from, to] of [['<UserGroup>staff</UserGroup>', ''], ['<CertificateStore>Machine<', '<CertificateStore>machine<'], ['>90<', '>121<'], ['<HostName>Head office</HostName>', '']] as const) {
    assert.ok(good.includes(from), from)
    const bad = to === '' && from.startsWith('<UserGroup') ? good.replace(from, '').replace('<HostName>', `${from}<HostName>`) : good.replace(from, to)
    assert.is.not(check(bad).status, 0, `${from} -> ${to}`)
  }
})

test('G18 markup in values stays text', () => {
  const { xml } = profileOf('markup')
  const text = (path: string): string => execFileSync('xmllint', ['--nonet', '--xpath', `string(//*[local-name()="${path}"])`, '-'], { input: xml, encoding: 'utf8' }).replace(/\n$/, '')
  assert.is(text('HostName'), '<b>"A" & \'B\'</b> ]]> <!-- Ünïcode 漢 😀 -->')
  assert.is(text('UserGroup'), '</UserGroup><AllowManualHostInput>true</AllowManualHostInput>')
  assert.is(text('AllowManualHostInput'), '')
  const { xml: pinned } = profileOf('windows')
  assert.match(pinned, 'Subject="CN=Example &lt;Root&gt; CA, O=Example &amp; Söhne, C=DE"')
})

test('G18 there is a golden file for each family of clients', () => {
  for (const name of ['windows', 'macos', 'linux', 'phones', 'markup']) assert.ok(existsSync(testdata(`${name}.toml`)) && existsSync(testdata(`${name}.xml`)), name)
})

test.run()
