import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Secret } from './config/secret.ts'
import { GatewayError } from './errors.ts'
import { PinoLogger } from './pino-logger.ts'

const capture = () => {
  const lines: string[] = []
  return { lines, log: PinoLogger.to({ write: (line: string) => void lines.push(line) }) }
}

test('one JSON line with the level as a word, RFC 3339 time, plugin and fields', () => {
  const { lines, log } = capture()
  log.child('firewall').warn('forwarding is off', { family: 'ipv6', count: 3n })
  assert.is(lines.length, 1)
  assert.ok(lines[0]?.endsWith('}\n'))
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.equal({ ...line, time: '' }, { level: 'warn', time: '', plugin: 'firewall', family: 'ipv6', count: 3, msg: 'forwarding is off' })
})

test('secrets are masked by name at any depth, and Secret by itself', () => {
  const { lines, log } = capture()
  const text = 'hunter2'
  log.info('all of it', {
    password: text, cookie: text, user: { secret: text, list: [{ token: text, authorization: text }] }, headers: new Map([['set-cookie', text]]),
    key: text, keyPem: text, secondary_password: text, sessionToken: text, apiKey: text, value: new Secret(text), bytes: Buffer.from(text), deep: { a: { b: { c: { d: { e: { f: text } } } } } },
  })
  assert.not.ok(lines.join('').includes(text))
  assert.ok(lines.join('').includes('"password":"***"'))
})

test('what is not secret stays, names with a key in them too', () => {
  const { lines, log } = capture()
  log.info('x', { monkey: 'george', user: 'bob', passed: 4 })
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.equal([line['monkey'], line['user'], line['passed']], ['george', 'bob', 4])
})

test('errors are told with code, cause and stack; long texts are cut', () => {
  const { lines, log } = capture()
  log.error('failed', { error: new GatewayError('STORE_FULL', 'no room', { cause: new Error('ENOSPC') }), text: 'x'.repeat(100_000), many: Array.from({ length: 5000 }, () => 1) })
  const line = JSON.parse(lines[0] ?? '') as { error: { message: string; code: string; cause: { message: string } } }
  assert.is(line.error.message, 'no room')
  assert.is(line.error.code, 'STORE_FULL')
  assert.is(line.error.cause.message, 'ENOSPC')
  assert.ok((lines[0]?.length ?? 0) < 10_000)
})

test('what strangers can cause without end is debug, and debug lines are not written', () => {
  const { lines, log } = capture()
  log.debug('document refused')
  log.child('anyconnect').debug('document refused')
  assert.equal(lines, [])
  log.info('gateway ready')
  assert.is(lines.length, 1)
})

test.run()
