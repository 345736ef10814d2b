import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthBackend, AuthContext, AuthStep, Identity } from '../../core/api.ts'
import { alternativesOf } from './alternatives.ts'
import { Dialogue, MAX_TRIES } from './dialogue.ts'
import { loginContext, PasswordBackend } from './testing.ts'

const context = loginContext('192.0.2.1')
const values = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> => new Map(Object.entries(entries))
const dialogue = (...chain: AuthBackend[]): Dialogue => new Dialogue({ alternatives: chain.length === 0 ? [] : [{ names: chain.map(({ name }) => name), steps: chain }], context })
const identity = (user: string, source: string, groups: readonly string[] = []): AuthStep => ({ kind: 'identity', identity: { user, groups, source } })

test('a right password gives the identity', async () => {
  const one = dialogue(new PasswordBackend())
  assert.is((await one.begin()).kind, 'form')
  const done = await one.answer(values({ username: 'test', password: 'test123' }))
  assert.is(done.kind === 'identity' && done.identity.user, 'test')
})
test('an empty user name is asked for again and is no failure', async () => {
  const backend = new PasswordBackend()
  const one = dialogue(backend)
  await one.begin()
  for (let round = 0; round < MAX_TRIES + 2; round++) {
    const again = await one.answer(values({ username: '' }))
    assert.is(again.kind === 'form' && again.failure?.reason, undefined)
  }
  assert.is(backend.asked, 0)
  assert.is(one.failures, 0)
})
test('name and password may come one after the other', async () => {
  const one = dialogue(new PasswordBackend())
  await one.begin()
  const second = await one.answer(values({ username: 'test' }))
  assert.equal(second.kind === 'form' && second.form.fields.map(({ name }) => name), ['password'])
  assert.is((await one.answer(values({ password: 'test123' }))).kind, 'identity')
})
test('G05 a wrong password is retried in place, the third ends the dialogue', async () => {
  const one = dialogue(new PasswordBackend())
  await one.begin()
  for (let round = 1; round < MAX_TRIES; round++) {
    const again = await one.answer(values({ username: 'test', password: 'wrong' }))
    assert.is(again.kind === 'form' && again.failure?.reason, 'wrong-credentials')
  }
  const last = await one.answer(values({ username: 'test', password: 'wrong' }))
  assert.equal(last.kind === 'refused' && [last.failure.reason, last.failure.user, last.failure.step, last.failure.detail], ['too-many-tries', 'test', 'local', 'wrong-credentials'])
})
test('every step of a chain must name the same user', async () => {
  const first: AuthBackend = { name: 'certificate', begin: () => identity('alice', 'certificate', ['staff']) }
  const seen: (Identity | undefined)[] = []
  const second = (user: string): AuthBackend => ({
    name: 'local',
    begin: (given: AuthContext) => {
      seen.push(given.identity)
      return { kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'password', name: 'password', label: '' }] }, answer: async () => identity(user, 'local') }
    },
  })
  const good = dialogue(first, second('Alice'))
  await good.begin()
  const done = await good.answer(values({ password: 'x' }))
  assert.equal(done, { kind: 'identity', identity: { user: 'Alice', groups: ['staff'], source: 'certificate+local' }, chain: ['certificate', 'local'] })
  assert.is(seen[0]?.user, 'alice')
  const bad = dialogue(first, second('mallory'))
  await bad.begin()
  const refused = await bad.answer(values({ password: 'x' }))
  assert.is(refused.kind === 'form' && refused.failure?.reason, 'wrong-credentials')
})
test('inputs that clients return as <password> find their way back', async () => {
  const given: (string | undefined)[] = []
  const backend: AuthBackend = {
    name: 'radius',
    begin: () => ({
      kind: 'form', form: { id: 'challenge', message: 'Code', fields: [{ kind: 'password', name: 'answer', label: 'Code:' }, { kind: 'hidden', name: 'state', label: '', value: 's1' }] },
      answer: async (answers) => {
        given.push(answers.get('answer'), answers.get('state'))
        return identity('a', 'radius')
      },
    }),
  }
  const one = dialogue(backend)
  await one.begin()
  assert.is((await one.answer(values({ password: '123456' }))).kind, 'identity')
  assert.equal(given, ['123456', 's1'])
})
test('a back-end that throws is an internal refusal with its cause, and one that is missing is unavailable', async () => {
  const broken = dialogue({ name: 'x', begin: () => { throw new Error('boom') } })
  const outcome = await broken.begin()
  assert.is(outcome.kind === 'refused' && outcome.failure.reason, 'internal')
  const missing = await dialogue().begin()
  assert.is(missing.kind === 'refused' && missing.failure.reason, 'unavailable')
})
test('a first step that refuses does not loop', async () => {
  const outcome = await dialogue({ name: 'certificate', begin: () => ({ kind: 'refused', reason: 'wrong-credentials' }) }).begin()
  assert.equal(outcome.kind === 'refused' && [outcome.failure.reason, outcome.failure.user], ['wrong-credentials', undefined])
})
test('an alternative counts when all of its back-ends exist', () => {
  const backends = [new PasswordBackend('local'), new PasswordBackend('totp')]
  const names = (auth: readonly (readonly string[])[]) => alternativesOf(auth, backends).map((one) => [one.names, one.steps.map(({ name }) => name)])
  assert.equal(names([['certificate', 'local'], ['local', 'totp'], ['local']]), [[['local', 'totp'], ['local', 'totp']], [['local'], ['local']]])
  assert.equal(names([['saml']]), [])
  assert.equal(names([[]]), [])
})

test.run()
