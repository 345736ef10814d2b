import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthStep } from './auth.ts'
import { askNewPassword, OFFERS } from './new-password.ts'

const DONE: AuthStep = { kind: 'identity', identity: { user: 'alice', groups: [], source: 'x' } }
const typed = (step: AuthStep, password: string): Promise<AuthStep> => (step.kind === 'form' ? step.answer(new Map([['new_password', password]])) : Promise.resolve(step))
const messageOf = (step: AuthStep): string => (step.kind === 'form' ? step.form.message : JSON.stringify(step))

test('G03 a new password is asked for twice; what the back-end says of it ends the login or asks again', async () => {
  const replaced: string[] = []
  const begin = (): AuthStep => askNewPassword('It has expired.', {
    rules: 'Nine letters.',
    problem: (password) => (password === 'short' ? 'it is short' : password === 'busy' ? { kind: 'refused', reason: 'unavailable' } : undefined),
    replace: (password) => Promise.resolve(replaced.push(password) === 1 ? 'you have used it before' : DONE),
    refuse: (detail) => ({ kind: 'refused', reason: 'password-expired', detail }),
  })
  const first = begin()
  assert.equal(first.kind === 'form' && first.form, { id: 'passwd', message: 'It has expired.\nNine letters.', fields: [{ kind: 'password', name: 'new_password', label: 'New password:' }] })
  assert.is(messageOf(await typed(first, 'short')), 'This password is not acceptable: it is short.\nNine letters.')
  assert.match(messageOf(await typed(first, 'busy')), /"unavailable"/)
  const again = await typed(first, 'one')
  assert.match(messageOf(again), /once more/)
  assert.match(messageOf(await typed(again, 'another')), /were not the same/)
  assert.equal(replaced, [])
  assert.match(messageOf(await typed(again, 'one')), /you have used it before/)
  assert.equal(await typed(await typed(first, 'two'), 'two'), DONE)
  assert.equal(replaced, ['one', 'two'])

  let step = begin()
  for (let offer = 0; offer < OFFERS; offer++) step = await typed(step, 'short')
  assert.match(messageOf(await typed(step, 'good')), /no acceptable new password/)
})

test.run()
