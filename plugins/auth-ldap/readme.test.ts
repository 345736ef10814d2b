import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SectionSchema, ServerSchema } from './config.ts'

test('every key has its row, and no other has one', () => {
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8')
  const tables = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('## Examples')).split('Of a server:')
  const rows = tables.map((table) => [...table.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap((match) => (match[1] ?? '').replaceAll('`', '').split(', ')).filter((key) => key !== 'enabled').sort())
  assert.equal(rows, [SectionSchema, ServerSchema].map((schema) => Object.keys(schema.shape).sort()))
})

test.run()
