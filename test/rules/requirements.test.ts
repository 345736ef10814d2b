import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { requirementRows, testsByRow } from './requirements.ts'

test('every id that a test carries is a row of test/requirements.md', () => {
  const known = new Set(requirementRows().map((row) => row.id))
  assert.ok(known.size > 100)
  assert.equal([...testsByRow().keys()].filter((id) => !known.has(id)), [])
})

test('the rows that the gateway claims are carried by a test', () => {
  const named = testsByRow()
  const claimed = ['G01', 'G02', 'G03', 'G04', 'G05', 'G06', 'G07', 'G08', 'G09', 'G10', 'G16', 'G17', 'G18', 'G19', 'D01', 'D06', 'D04', 'D05', 'D07', 'D09', 'D10', 'D14', 'D13', 'D15', 'G25', 'G27']
  assert.equal(claimed.filter((id) => !named.has(id)), [])
})

test.run()
