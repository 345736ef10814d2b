import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FORMER_NAMES, OPTIONS } from './options.ts'
import { POLICY_OPTIONS } from './policy-layer.ts'
import { TESTDATA } from './testing.ts'

/** The names in reference ocserv-conf B.1 to B.8, one a line. */
const names = readFileSync(join(TESTDATA, 'option-names.txt'), 'utf8').trim().split('\n')

test('F08 every option of ocserv is mapped, refused or explained, and there is no other', () => {
  const known = [...Object.keys(OPTIONS), ...Object.keys(FORMER_NAMES), 'always-require-cert']
  assert.equal(names.filter((name) => !known.includes(name)), [])
  assert.equal(known.filter((name) => !names.includes(name)), [])
  assert.ok(names.length > 130)
})

test('a former name leads to a present one', () => {
  for (const [former, present] of Object.entries(FORMER_NAMES)) assert.ok(Object.hasOwn(OPTIONS, present), former)
})

test('what becomes policy is an option that is mapped', () => {
  for (const name of POLICY_OPTIONS) assert.is(OPTIONS[name]?.fate, 'mapped', name)
})

test('every fate has its reason', () => {
  for (const [name, { text }] of Object.entries(OPTIONS)) assert.ok(text.length > 5, name)
})

test.run()
