import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError } from '../../core/api.ts'
import { refusalAnswer, resultAnswer } from './answer.ts'
import { commandPath, parseCommandRequest } from './command-request.ts'

test('an address names a command or nothing', () => {
  assert.is(commandPath('/v1/commands/status'), 'status')
  assert.is(commandPath('/v1/commands/user/add'), 'user add')
  for (const url of ['/', '/v1/commands/', '/v1/commands/user/', '/v1/commands//add', '/v1/commands/a?b', '/v1/commands/User', '/v1/commands/../x', '/v2/commands/status', `/v1/commands/${'a'.repeat(200)}`]) {
    assert.is(commandPath(url), undefined, url)
  }
})

test('a body becomes the input of a command, with the actor of the socket', () => {
  const body = JSON.stringify({ args: { name: 'a' }, options: { group: ['x', 'y'], force: true, n: 3 }, secret: 's' })
  assert.equal(parseCommandRequest(body, 'cli'), { args: { name: 'a' }, options: { group: ['x', 'y'], force: true, n: 3 }, secret: 's', actor: 'cli' })
  assert.equal(parseCommandRequest('', 'cli'), { args: {}, options: {}, actor: 'cli' })
})

test('anything else is wrong usage, and the refusal does not repeat the secret', () => {
  for (const body of ['{', '[]', 'null', '{"actor":"root"}', '{"args":{"a":1}}', '{"options":{"a":{}}}', `{"secret":"${'hunter2'.repeat(200)}"}`, '{"secret":{"a":"hunter2"}}']) {
    try {
      parseCommandRequest(body, 'cli')
      assert.unreachable(body)
    } catch (error) {
      assert.ok(error instanceof GatewayError && error.code === 'USAGE', body)
      assert.not.match((error as Error).message, /hunter2|\n/)
    }
  }
})

test('counters of the data plane cross as numbers', () => {
  assert.is(resultAnswer({ data: { rxBytes: 12n }, text: 'x' }).body, '{"data":{"rxBytes":12},"text":"x"}')
  assert.is(resultAnswer({ data: undefined }).body, '{"data":null}')
})

test('a refusal has the status of its code', () => {
  assert.is(refusalAnswer(new GatewayError('USER_UNKNOWN', 'x')).status, 404)
  assert.is(refusalAnswer(new GatewayError('USAGE', 'x')).status, 400)
  assert.is(refusalAnswer(new GatewayError('DATA_PLANE', 'x')).status, 500)
})

test.run()
