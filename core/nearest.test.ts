import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nearest } from './nearest.ts'

test('a typing error finds its name', () => {
  const names = ['session', 'serve', 'status', 'user']
  assert.is(nearest('sesion', names), 'session')
  assert.is(nearest('uesr', names), 'user')
  assert.is(nearest('STATUS', names), 'status')
})

test('what resembles nothing finds nothing', () => {
  assert.is(nearest('frobnicate', ['session', 'serve']), undefined)
  assert.is(nearest('x'.repeat(65), ['x'.repeat(64)]), undefined)
  assert.is(nearest('user', []), undefined)
})

test.run()
