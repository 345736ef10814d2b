import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LoginAttempt } from '../../core/api.ts'
import { connectText, INIT, login, portFixture, replyTo } from './testing.ts'

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

test.run()
