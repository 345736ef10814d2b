import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig } from '../../core/config/load.ts'
import { testDirectory } from '../../core/testing.ts'
import type { AuthRadiusConfig } from './config.ts'
import { radiusFindings } from './findings.ts'
import plugin from './index.ts'

const folder = testDirectory()
writeFileSync(join(folder, 's'), 'testing123\n', { mode: 0o600 })
writeFileSync(join(folder, 'short'), 'abc\n', { mode: 0o600 })
const load = (...servers: readonly string[]): AuthRadiusConfig =>
  checkConfig(Buffer.from(['[group.staff]\nauth = [["radius"]]\n', ...servers.map((lines) => `[[auth-radius.server]]\n${lines}\n`)].join('')), join(folder, 'postern.toml'), [plugin]).plugin('auth-radius').value as AuthRadiusConfig
const refusal = (...servers: readonly string[]): string => {
  try {
    load(...servers)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'accepted'
}

test('addresses, names and RadSec, with their ports', () => {
  const { server } = load('address = "10.0.0.5"\nsecret-file = "s"', 'address = "[fd00::5]:1645"\nsecret-file = "s"', 'address = "Radius.example.com"\nsecret-file = "s"', 'address = "radsec:radius.example.com"')
  assert.equal(server.map(({ name, port, tls }) => [name, port, tls?.name]), [
    ['10.0.0.5:1812', 1812, undefined], ['[fd00::5]:1645', 1645, undefined], ['radius.example.com:1812', 1812, undefined], ['radsec:radius.example.com:2083', 2083, 'radius.example.com'],
  ])
  assert.equal(server.map(({ secret }) => secret.reveal()), ['testing123', 'testing123', 'testing123', 'radsec'])
})
test('what is wrong is said with its key', () => {
  assert.match(refusal('address = "10.0.0.5:70000"\nsecret-file = "s"'), /address: "10\.0\.0\.5:70000" is not a RADIUS server/)
  assert.match(refusal('address = "10.0.0.5"'), /secret-file: is missing/)
  assert.match(refusal('address = "10.0.0.5"\nsecret-file = "none"'), /none: no such file/)
  assert.match(refusal('address = "10.0.0.5"\nsecret-file = "s"\nca = "x"'), /ca: belongs to a server with "radsec:"/)
  assert.match(refusal('address = "radsec:a.example"\nkey = "x"'), /key: certificate and key belong together/)
  assert.match(refusal('address = "10.0.0.5"\nsecret-file = "s"', 'address = "10.0.0.5:1812"\nsecret-file = "s"'), /is listed twice/)
})
test('postern check: a secret that can be guessed, files of RadSec that are not there', async () => {
  const findings = await radiusFindings(load('address = "10.0.0.5"\nsecret-file = "short"', 'address = "radsec:10.0.0.6"\nca = "none.pem"'))
  assert.equal(findings.map(({ severity, text }) => `${severity} ${text}`), [
    'warning server 10.0.0.5:1812: a secret of fewer than 8 characters can be guessed by who sees one packet',
    'error server radsec:10.0.0.6:2083: ca, certificate or key cannot be used: no such file',
  ])
})

test.run()
