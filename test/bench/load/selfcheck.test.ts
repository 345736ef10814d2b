// test: limit=600
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildLoad, LOAD } from './load.ts'

type Notes = Readonly<Record<'received' | 'forged' | 'damaged' | 'corrupt' | 'duplicates' | 'reordered' | 'missing', number>>
type Suite = Readonly<Record<string, Notes>>

await buildLoad()
const { stdout } = spawnSync(LOAD, ['selfcheck'], { encoding: 'utf8' })
const { merge4, merge6, ...suites } = JSON.parse(stdout) as { merge4: boolean; merge6: boolean } & Record<string, Suite>
const each = (look: (notes: Suite, name: string) => void): void => Object.entries(suites).forEach(([name, suite]) => look(suite, name))
const none: Notes = { received: 1000, forged: 0, damaged: 0, corrupt: 0, duplicates: 0, reordered: 0, missing: 0 }

test('every kind of suite is checked', () => {
  assert.equal(Object.keys(suites).length, 6)
})

test('a clean path is found clean', () => each(({ clean }, name) => assert.equal(clean, none, name)))

test('a bit of a record, of an inner packet or of a content is noticed as what it is', () => each((suite, name) => {
  assert.equal(suite['records flip:100'], { ...none, received: 990, forged: 10, missing: 10 }, name)
  assert.equal(suite['packets flip:100'], { ...none, received: 990, damaged: 10, missing: 10 }, name)
  assert.equal(suite['contents flip:100'], { ...none, received: 990, corrupt: 10, missing: 10 }, name)
}))

test('what is lost, repeated or out of order is counted', () => each((suite, name) => {
  for (const where of ['records', 'packets', 'contents']) {
    assert.equal(suite[`${where} drop:100`], { ...none, received: 990, missing: 10 }, name)
    assert.ok((suite[`${where} twice:100`]?.duplicates ?? 0) >= 10, name)
    assert.ok((suite[`${where} swap:100`]?.reordered ?? 0) >= 9, name)
  }
}))

test('a TCP super-packet cut and merged again is what it was', () => {
  assert.ok(merge4)
  assert.ok(merge6)
})

test.run()
