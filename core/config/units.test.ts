import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { z } from 'zod'
import { Secret } from './secret.ts'
import { duration, formatDuration, quota, rate, size } from './units.ts'

const message = (schema: z.ZodType, value: unknown): string | undefined => schema.safeParse(value).error?.issues[0]?.message

test('durations are seconds', () => {
  for (const [text, seconds] of [['0s', 0], ['30s', 30], ['5m', 300], ['12h', 43_200], ['2d', 172_800]] as const) assert.is(duration().parse(text), seconds)
})

test('a bare number is refused with the unit that it should have', () => {
  assert.is(message(duration(), 30), 'a bare number has no unit: write a duration such as "30s"')
  assert.is(message(size(), 10), 'a bare number has no unit: write a size such as "10 GB"')
  assert.is(message(rate(), 50), 'a bare number has no unit: write a rate such as "50 Mbit/s"')
  assert.is(message(quota(), 50), 'a bare number has no unit: write a quota such as "50 GB / month"')
})

test('other spellings of a duration are refused', () => {
  for (const text of ['', '30', 's', '30 s', '-5s', '+5s', '1.5h', '1h30m', '30S', '5min', '1e3s', '３0s', '30s\n', `${'9'.repeat(400)}s`, 'constructors', '5toString']) {
    assert.type(message(duration(), text), 'string', text)
  }
})

test('a duration outside its range names the range as durations', () => {
  assert.is(message(duration({ min: 60, max: 3600 }), '59s'), 'must be between 1m and 1h, not 59s')
  assert.is(message(duration({ min: 60, max: 3600 }), '2h'), 'must be between 1m and 1h, not 2h')
  assert.is(duration({ min: 60, max: 3600 }).parse('1h'), 3600)
  assert.type(message(duration(), '366d'), 'string')
})

test('a duration reads back as it was written', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 31_536_000 }), (seconds) => assert.is(duration().parse(formatDuration(seconds)), seconds)))
})

test('sizes and rates are bytes', () => {
  assert.is(size().parse('10 GB'), 10e9)
  assert.is(size().parse('1.5 MiB'), 1_572_864)
  assert.is(rate().parse('50 Mbit/s'), 6_250_000)
  assert.is(rate().parse(''), 0)
  for (const text of ['10', '10 gb', '10 Gbit', '-1 GB', '99999999999 TB', '1 __proto__']) assert.type(message(size(), text), 'string', text)
  for (const text of ['50', '50 MB/s', '50 mbit/s', '1 bit/s', '0 Mbit/s', ' ']) assert.type(message(rate(), text), 'string', text)
})

test('a quota has a volume and a period', () => {
  for (const text of ['', '50 GB / month', '1 GiB / day', '2 TB / week']) assert.is(quota().parse(text), text)
  for (const text of ['50 GB', '50 GB/month', '50 GB / year', '0 GB / day', '50 GB / month / day', ' / month']) assert.type(message(quota(), text), 'string', text)
})

test('a secret never prints itself', () => {
  const secret = new Secret('hunter2')
  assert.is(secret.reveal(), 'hunter2')
  for (const text of [String(secret), `${secret as unknown as string}`, JSON.stringify({ secret }), inspect(secret), inspect({ deep: [secret] }, { showHidden: true, depth: 9 }), String(Object.values(secret)), JSON.stringify(Object.entries(secret))]) {
    assert.not.match(text, /hunter2/)
  }
  assert.is(JSON.stringify({ secret }), '{"secret":"***"}')
})

test.run()
