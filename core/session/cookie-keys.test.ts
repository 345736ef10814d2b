import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HealthList } from '../health-list.ts'
import { TestClock, TestLog, testDirectory } from '../testing.ts'
import { CookieKeys, ROTATE_AFTER_MS } from './cookie-keys.ts'

const setUp = (directory = testDirectory(), clock = new TestClock()) => {
  const log = new TestLog()
  const health = new HealthList(clock, log)
  const file = join(directory, 'cookie-keys.json')
  return { clock, directory, file, health, log, keys: () => new CookieKeys(file, clock, health) }
}
const none = () => new Set<string>()

test('G07 keys outlive a restart, in a file for the owner alone', () => {
  const { keys, file, directory } = setUp()
  const first = keys().current()
  assert.equal(keys().current().id, first.id)
  assert.equal(keys().current().key, first.key)
  assert.is(statSync(file).mode & 0o777, 0o600)
  assert.equal(readdirSync(directory), ['cookie-keys.json'])
})

test('G07 keys rotate after 24 hours; the old one stays while a session needs it', () => {
  const { keys, clock } = setUp()
  const ring = keys()
  const first = ring.current()
  clock.advance(ROTATE_AFTER_MS - 1)
  ring.rotate(none)
  assert.is(ring.current().id, first.id)
  clock.advance(1)
  ring.rotate(() => new Set([first.id]))
  const second = ring.current()
  assert.is.not(second.id, first.id)
  assert.equal(ring.get(first.id)?.key, first.key)
  assert.ok(keys().get(first.id))
  clock.advance(ROTATE_AFTER_MS)
  ring.rotate(() => new Set([second.id]))
  assert.is(ring.get(first.id), undefined)
  assert.ok(ring.get(second.id))
  assert.is(keys().get(first.id), undefined)
})

test('a restart does not put the rotation off', () => {
  const { keys, clock } = setUp()
  const first = keys().current()
  clock.advance(ROTATE_AFTER_MS - 1000)
  const ring = keys()
  clock.advance(1000)
  ring.rotate(none)
  assert.is.not(ring.current().id, first.id)
})

test('a damaged file gives new keys and a health entry that quotes none of it', () => {
  const { keys, file, health, log } = setUp()
  writeFileSync(file, '{"keys":[{"id":"0123456789ab","key":"deadbeef')
  assert.ok(keys().current())
  assert.equal(health.list().map(({ code }) => code), ['COOKIE_KEYS'])
  assert.not.ok(JSON.stringify(log.lines).includes('deadbeef'))
  assert.ok(JSON.parse(readFileSync(file, 'utf8')))
})

test('a key that cannot be saved is not taken into use while there is an older one', () => {
  const { keys, clock, health, file } = setUp()
  const ring = keys()
  const first = ring.current()
  mkdirSync(`${file}.new`)
  clock.advance(ROTATE_AFTER_MS)
  ring.rotate(none)
  assert.is(ring.current().id, first.id)
  assert.ok(ring.get(first.id))
  assert.equal(health.list().map(({ code }) => code), ['COOKIE_KEYS_UNSAVED'])
})

test.run()
