import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AuthRadiusConfig, ServerSchema } from './config.ts'
import { DICTIONARY } from './dictionary.ts'

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8')
const POLICY_FILES = ['attribute-policy.ts', 'groups.ts', 'radius-backend.ts'].map((file) => readFileSync(new URL(file, import.meta.url), 'utf8')).join('\n')
/** Of a login, not of its policy. */
const OF_THE_LOGIN = ['Reply-Message', 'State', 'Prompt', 'User-Password', 'Calling-Station-Id']

test('every key has its row, and no other has one', () => {
  const tables = README.slice(README.indexOf('## Configuration'), README.indexOf('## Examples')).split('Of a server:')
  const rows = tables.map((table) => [...table.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap((match) => (match[1] ?? '').replaceAll('`', '').split(', ')).filter((key) => key !== 'enabled').sort())
  assert.equal(rows, [AuthRadiusConfig, ServerSchema].map((schema) => Object.keys(schema.shape).sort()))
})
test('the table of attributes has those that are read, and those are in the dictionary', () => {
  const table = README.slice(README.indexOf('| Attribute | Policy |'), README.indexOf('**Groups.**'))
  const listed = [...table.matchAll(/^\| ([^|]*) \|/gm)].flatMap((row) => [...(row[1] ?? '').matchAll(/`([A-Z][\w-]*)`/g)].map((match) => match[1] ?? ''))
  assert.equal(listed.filter((name) => !(name in DICTIONARY)), [])
  const read = Object.keys(DICTIONARY).filter((name) => POLICY_FILES.includes(`'${name}'`) && !OF_THE_LOGIN.includes(name) && !name.startsWith('MS-CHAP'))
  assert.equal(read.filter((name) => !listed.includes(name) && name !== 'Framed-IP-Netmask'), [])
  assert.equal(listed.filter((name) => !read.includes(name)), [])
})

test.run()
