import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { ReadyProfileSchema } from './config.ts'
import { REFUSAL_TEXTS } from './admission-rule.ts'
import { ProfileSchema, ServerSchema, TrustedNetworksSchema, USER_CONTROLLABLE } from './profile-config.ts'
import { loadProfiles } from './testing.ts'

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8')

test('every key has its row, and no other has one', () => {
  const keys = [z.strictObject({ 'known-proxies': z.unknown() }), ReadyProfileSchema, ProfileSchema, ServerSchema, TrustedNetworksSchema].map((schema) => Object.keys(schema.shape))
  const tables = README.slice(README.indexOf('## Configuration'), README.indexOf('## Examples')).split(/\n(?=\| Key \|)/).slice(1)
  const rows = tables.map((table) => [...table.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((match) => match[1] ?? ''))
  assert.equal(rows.map((list) => list.sort()), keys.map((list) => list.sort()))
})
test('every refusal stands with its text, every setting that a user may change by its name', () => {
  for (const [key, text] of Object.entries(REFUSAL_TEXTS)) assert.ok(README.includes(`| \`${key}\` |`) && README.includes(`| ${text} |`), key)
  const row = README.split('\n').find((line) => line.startsWith('| `user-may-change`')) ?? ''
  for (const key of USER_CONTROLLABLE) assert.ok(row.includes(`\`${key}\``), key)
})
test('the examples are accepted', () => {
  const blocks = [...README.matchAll(/^ *```toml\n([^]*?)^ *```/gm)].map((match) => (match[1] ?? '').replaceAll(/^ {3}/gm, '').replace('AB:CD:...', 'AB'.repeat(32)).replaceAll(/tls\/(our|spare)-ca\.pem/g, 'authority.pem'))
  assert.is(blocks.length, 9)
  const [group, first, trusted, open, closed, held, pins, ready, phones] = blocks
  const profile = (first ?? '').replace('auto-connect = true\n', `auto-connect = true\n${open?.replace('connect-failure = "open"\n', '')}${closed}${held}`)
  const { config } = loadProfiles(`${group}[group.phones]\n${profile}${trusted}${phones}`)
  assert.equal(Object.keys(config.profile), ['laptops', 'phones'])
  assert.is(config.profile['laptops']?.['connect-failure'], 'closed')
  loadProfiles(`${pins}`)
  loadProfiles(`${ready}`.replace('"profile.xml"', '"ready.xml"'))
  loadProfiles(`[always-on-policy.profile.laptops]\n${open}`)
})

test.run()
