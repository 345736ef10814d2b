import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ChannelIds } from './channel-ids.ts'
import { directory, LineLog } from './testing.ts'

test('the key has 32 bytes, belongs to its owner alone, and is found again', () => {
  const where = directory()
  const log = new LineLog()
  const id = new ChannelIds(where, log).of('session', 'psk')
  const file = join(where, 'id-key')
  assert.is(statSync(file).mode & 0o777, 0o600)
  assert.is(readFileSync(file).length, 32)
  assert.equal(new ChannelIds(where, log).of('session', 'psk'), id)
  assert.is(id.length, 32)
  assert.equal(log.lines, [])
})

test('a damaged key is replaced and told', () => {
  const where = directory()
  const log = new LineLog()
  const before = new ChannelIds(where, log).of('session', 'resumed')
  writeFileSync(join(where, 'id-key'), 'short')
  assert.not.equal(new ChannelIds(where, log).of('session', 'resumed'), before)
  assert.match(log.lines[0] ?? '', /^the key of the DTLS ids is damaged/)
  assert.is(readFileSync(join(where, 'id-key')).length, 32)
})

test('a key that cannot be read is an error, not a new key', () => {
  const where = directory()
  assert.throws(() => new ChannelIds(join(where, 'nowhere'), new LineLog()), /ENOENT/)
  writeFileSync(join(where, 'file'), '')
  assert.throws(() => new ChannelIds(join(where, 'file'), new LineLog()), /ENOTDIR/)
})

test.run()
