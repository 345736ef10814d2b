import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthBackend, AuthContext, AuthStep } from '../../core/api.ts'
import type { DialogueOutcome } from './dialogue-outcome.ts'
import { Dialogue } from './dialogue.ts'
import { loginContext, PasswordBackend } from './testing.ts'

/** A step that takes `+code` off the password before it. */
function appending() {
  const begun: Pick<AuthContext, 'detached' | 'decoy'>[] = []
  const backend: AuthBackend = {
    name: 'totp',
    detach(answers) {
      const [password = '', detached] = (answers.get('password') ?? '').split('+')
      return detached === undefined ? undefined : { rest: new Map(answers).set('password', password), detached }
    },
    begin({ decoy, detached, identity }): AuthStep {
      begun.push({ ...(decoy !== undefined && { decoy }), ...(detached !== undefined && { detached }) })
      if (detached === undefined) return { kind: 'form', form: { id: 'challenge', message: '', fields: [{ kind: 'password', name: 'password', label: '' }] }, answer: async () => ({ kind: 'refused', reason: 'wrong-credentials' }) }
      return detached === '7' && decoy !== true ? { kind: 'identity', identity: { user: identity?.user ?? '', groups: [], source: 'totp' } } : { kind: 'refused', reason: 'wrong-credentials' }
    },
  }
  return { begun, backend }
}
const begin = async (...chains: (readonly AuthBackend[])[]): Promise<Dialogue> => {
  const dialogue = new Dialogue({ alternatives: chains.map((steps) => ({ names: steps.map(({ name }) => name), steps })), context: loginContext('192.0.2.1') })
  await dialogue.begin()
  return dialogue
}
const typed = (dialogue: Dialogue, password: string): Promise<DialogueOutcome> => dialogue.answer(new Map([['username', 'test'], ['password', password]]))
const shape = (outcome: DialogueOutcome): unknown => (outcome.kind === 'form' ? [outcome.form.id, outcome.failure?.reason] : outcome.kind)

test('G22 what was typed behind a password goes to the step that takes it, once', async () => {
  const { backend, begun } = appending()
  assert.is(shape(await typed(await begin([new PasswordBackend(), backend]), 'test123+7')), 'identity')
  const dialogue = await begin([new PasswordBackend(), backend])
  assert.equal(shape(await typed(dialogue, 'test123+8')), ['main', 'wrong-credentials'])
  assert.equal(shape(await typed(dialogue, 'test123')), ['challenge', undefined], 'the code of an earlier answer is forgotten')
  assert.equal(begun, [{ detached: '7' }, { detached: '8' }, {}])
})

test('G22 a wrong password with a right code ends as a right one with a wrong code does', async () => {
  const { backend, begun } = appending()
  assert.equal(shape(await typed(await begin([new PasswordBackend(), backend]), 'x+7')), ['main', 'wrong-credentials'])
  assert.equal(begun, [{ decoy: true, detached: '7' }])
})

test('an alternative without such a step gets the password as it was typed', async () => {
  const { backend } = appending()
  const seen: (string | undefined)[] = []
  const other: AuthBackend = {
    name: 'radius',
    begin: () => ({
      kind: 'form',
      form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }, { kind: 'password', name: 'password', label: '' }] },
      answer: async (values) => {
        seen.push(values.get('password'))
        return { kind: 'identity', identity: { user: 'test', groups: [], source: 'radius' } }
      },
    }),
  }
  assert.is(shape(await typed(await begin([new PasswordBackend(), backend], [other]), 'x+7')), 'identity')
  assert.equal(seen, ['x+7'])
})

test.run()
