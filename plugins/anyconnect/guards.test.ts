import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LoginAttempt } from '../../core/api.ts'
import { Dialogue } from './dialogue.ts'
import { LoginPlaces, PLACE_LIMITS } from './login-places.ts'
import { connectText, INIT, login, loginContext, PasswordBackend, portFixture, replyTo } from './testing.ts'

const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

test('G27 a client with a cookie gets its tunnel while every login is held back: CONNECT asks no guard and waits behind none', async () => {
  const fixture = portFixture()
  const cookie = await login(fixture.connect())
  const asked: LoginAttempt[] = []
  const release: (() => void)[] = []
  fixture.slots.loginGuard.add({
    name: 'wall', failed: () => undefined, succeeded: () => undefined,
    admit: (attempt) => (asked.push(attempt), new Promise((done) => release.push(() => done({ reason: 'banned', text: 'Not today' })))),
  }, 'test')
  const held = []
  for (let index = 0; index < 50; index++) {
    const client = fixture.connect()
    const form = await client.post('/', INIT)
    held.push(client.post('/', replyTo(form.body, { username: `user${index}`, password: 'guess' })))
  }
  while (asked.length < 50) await turn()
  assert.is((await fixture.connect().raw(connectText(cookie)))?.status, 200)
  assert.is(asked.length, 50, 'the tunnel was no attempt')
  assert.ok(asked.every(({ connected, trusted }) => connected?.() === true && !trusted))
  for (const one of release) one()
  for (const answer of await Promise.all(held)) assert.match(answer.body, 'param1="Not today"')
  fixture.stop()
})

test('G27 an answer that found no place is asked about again when it comes again', async () => {
  const places = new LoginPlaces()
  const leave = Array.from({ length: PLACE_LIMITS.perUserAndNetwork }, () => places.enter('test', '192.0.2.1', false))
  let asked = 0
  const guard = { name: 'count', failed: () => undefined, succeeded: () => undefined, admit: () => (asked++, Promise.resolve(undefined)) }
  const dialogue = new Dialogue({ alternatives: [{ names: ['local'], steps: [new PasswordBackend()] }], context: loginContext('192.0.2.1'), guards: [guard], places })
  await dialogue.begin()
  const answer = new Map([['username', 'test'], ['password', 'test123']])
  assert.is((await dialogue.answer(answer)).kind, 'busy')
  leave[0]?.()
  assert.is((await dialogue.answer(answer)).kind, 'identity')
  assert.is(asked, 2)
})

test.run()
