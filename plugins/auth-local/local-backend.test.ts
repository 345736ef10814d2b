import { hash } from '@node-rs/argon2'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthContext, AuthStep } from '../../core/api.ts'
import { TestClock, TestLog } from '../../core/testing.ts'
import { AuthLocalConfig } from './config.ts'
import { LocalBackend } from './local-backend.ts'
import { PasswordHasher, QUEUE_LIMIT } from './password-hasher.ts'
import { PasswordRules } from './password-rules.ts'
import { ListedAudit, memoryStore } from './testing.ts'
import { UserTable } from './user-table.ts'

const CHEAP = { memoryCost: 64, timeCost: 1, parallelism: 1 }
const context: AuthContext = { peer: '198.51.100.7', group: 'staff', origin: 'https://vpn.example.com', userAgent: 'test', capabilities: [], certificates: [], certificateMissing: false }

async function fixture(hasher = new PasswordHasher()) {
  const users = new UserTable(memoryStore())
  const clock = new TestClock()
  const log = new TestLog()
  users.insert({ name: 'Alice', groups: ['staff'], locked: false, expiresAt: undefined, createdAt: 0 }, await hash('correct horse', CHEAP))
  const backend = new LocalBackend(users, hasher, clock, log, { audit: new ListedAudit(), rules: new PasswordRules(() => AuthLocalConfig.parse({}), log) })
  const login = (username: string, password: string, from = context): Promise<AuthStep> => {
    const step = backend.begin(from)
    if (step.kind !== 'form') throw new Error('not a form')
    return step.answer(new Map([['username', username], ['password', password]]))
  }
  return { users, clock, log, backend, login }
}

test('the form asks for a name and a password', async () => {
  const { backend } = await fixture()
  const step = backend.begin(context)
  assert.is(step.kind, 'form')
  if (step.kind !== 'form') return
  assert.equal(step.form, {
    id: 'main',
    message: 'Please enter your username and password.',
    fields: [
      { kind: 'text', name: 'username', label: 'Username:' },
      { kind: 'password', name: 'password', label: 'Password:' },
    ],
  })
})

test('the right password proves the user, under the canonical name', async () => {
  const { login } = await fixture()
  assert.equal(await login('aLiCe ', 'correct horse'), { kind: 'identity', identity: { user: 'Alice', groups: ['staff'], source: 'local' } })
})

test('an empty name brings the same form, not a failure', async () => {
  const { login } = await fixture()
  const again = await login('  ', 'correct horse')
  assert.is(again.kind, 'form')
  if (again.kind !== 'form') return
  const step = await again.answer(new Map([['username', 'alice'], ['password', 'correct horse']]))
  assert.is(step.kind, 'identity')
})

test('a wrong password, an unknown user and an impossible name get the same answer', async () => {
  const { login } = await fixture()
  const refusals = [await login('alice', 'wrong horse'), await login('mallory', 'correct horse'), await login('alice', ''), await login('x'.repeat(65), 'correct horse'), await login('a b', 'correct horse')]
  for (const step of refusals) assert.is(step.kind === 'refused' && step.reason, 'wrong-credentials')
  assert.is(refusals[3]!.kind === 'refused' && refusals[3]!.user, undefined, 'a name that nobody can have is not repeated')
})

test('an unknown user is verified against a hash with the parameters of a known one', async () => {
  const verified: string[] = []
  class Watched extends PasswordHasher {
    override verify(phc: string, password: string, peer: string): Promise<boolean> {
      verified.push(phc)
      return super.verify(phc, password, peer)
    }
  }
  const hasher = new Watched()
  const { login, users } = await fixture(hasher)
  users.setHash('alice', await hasher.hash('correct horse'), 0)
  await login('alice', 'wrong horse')
  await login('mallory', 'wrong horse')
  await login('not a name', 'wrong horse')
  const parameters = verified.map((phc) => phc.split('$').slice(0, 4).join('$'))
  assert.is(parameters[0], '$argon2id$v=19$m=19456,t=2,p=1')
  assert.equal(parameters, [parameters[0], parameters[0], parameters[0]])
})

test('the 257th byte of a password makes it wrong, never shorter', async () => {
  const { login, users } = await fixture()
  const longest = 'x'.repeat(256)
  users.setHash('alice', await hash(longest, CHEAP), 0)
  assert.is((await login('alice', longest)).kind, 'identity')
  assert.is((await login('alice', longest + 'x')).kind, 'refused')
  users.setHash('alice', await hash('', CHEAP), 0)
  assert.is((await login('alice', longest + 'x')).kind, 'refused')
})

test('locked and expired are told only to who knows the password', async () => {
  const { login, users, clock } = await fixture()
  users.setLocked('alice', true)
  assert.equal(await login('alice', 'correct horse'), { kind: 'refused', reason: 'locked', user: 'Alice' })
  assert.equal(await login('alice', 'wrong horse'), { kind: 'refused', reason: 'wrong-credentials', user: 'Alice' })
  users.setLocked('alice', false)
  users.setExpiry('alice', clock.now() + 1)
  assert.is((await login('alice', 'correct horse')).kind, 'identity')
  clock.advance(1)
  assert.equal(await login('alice', 'correct horse'), { kind: 'refused', reason: 'expired', user: 'Alice' })
  assert.equal(await login('alice', 'wrong horse'), { kind: 'refused', reason: 'wrong-credentials', user: 'Alice' })
})

test('what happens to the user during the verification counts', async () => {
  const { login, users } = await fixture()
  const locked = login('alice', 'correct horse')
  users.setLocked('alice', true)
  assert.is((await locked as { reason?: string }).reason, 'locked')
  users.setLocked('alice', false)
  const removed = login('alice', 'correct horse')
  users.remove('alice')
  assert.is((await removed as { reason?: string }).reason, 'wrong-credentials')
})

test('behind an earlier step only that user may log in', async () => {
  const { login, backend } = await fixture()
  const as = (user: string): AuthContext => ({ ...context, identity: { user, groups: [], source: 'certificate' } })
  assert.is((await login('alice', 'correct horse', as('bob'))).kind, 'refused')
  assert.is((await login('alice', 'correct horse', as('ALICE'))).kind, 'identity')
  const step = backend.begin(as('bob'))
  assert.is(step.kind === 'form' && step.form.fields[0]?.value, 'bob')
})

test('a damaged hash is a refusal for the peer and a line in the log, without the hash', async () => {
  const { login, users, log } = await fixture()
  users.setHash('alice', 'not a hash', 0)
  assert.is((await login('alice', 'correct horse') as { reason?: string }).reason, 'wrong-credentials')
  assert.equal(log.lines.map((line) => [line.level, line.fields['user']]), [['error', 'Alice']])
  const line = String(log.lines[0]?.fields['error']) + JSON.stringify(log.lines)
  assert.not.match(line, 'not a hash')
  assert.not.match(line, 'horse')
})

test('beyond two running and 64 waiting verifications a login is unavailable', async () => {
  const { login } = await fixture()
  const steps = await Promise.all(Array.from({ length: 67 }, () => login('alice', 'wrong horse')))
  const reasons = steps.map((step) => step.kind === 'refused' && step.reason)
  assert.is(reasons.filter((reason) => reason === 'unavailable').length, 1)
  assert.is(reasons.filter((reason) => reason === 'wrong-credentials').length, 66)
  assert.is((await login('alice', 'correct horse')).kind, 'identity', 'the queue drains')
})

test('G27 three crowded sources keep nobody else out', async () => {
  const { login } = await fixture()
  const from = (peer: string): AuthContext => ({ ...context, peer })
  const crowd = ['192.0.2.1', '192.0.2.2', '2001:db8:0:1::'].flatMap((peer) => Array.from({ length: 32 }, (_, at) => login('alice', 'guess', from(peer.endsWith(':') ? `${peer}${at + 1}` : peer))))
  const person = await login('alice', 'correct horse', from('2001:db8:0:2::1'))
  assert.is(person.kind, 'identity')
  const unavailable = (await Promise.all(crowd)).filter((step) => step.kind === 'refused' && step.reason === 'unavailable')
  assert.is(unavailable.length, 96 - 2 - QUEUE_LIMIT + 1)
})

/** As many milliseconds as a test can see; `$5$` and 43 times the first letter of the password. */
const crypt = { matches: async (hash: string, password: string): Promise<boolean> => hash === imported(password) }
const imported = (password: string): string => `$5$salt$${(password[0] ?? '.').repeat(43)}`

test('F08 an imported hash proves its user once, and is argon2id from then on', async () => {
  const { login, users, log } = await fixture(new PasswordHasher(crypt))
  users.setHash('alice', imported('correct horse'), 0)
  assert.is((await login('alice', 'wrong horse')).kind, 'refused')
  assert.is(users.credentials('alice')?.hash, imported('correct horse'), 'a wrong password renews nothing')
  assert.is((await login('alice', 'correct horse')).kind, 'identity')
  assert.match(users.credentials('alice')?.hash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.is((await login('alice', 'correct horse')).kind, 'identity')
  assert.is((await login('alice', 'c')).kind, 'refused', 'what matched the imported hash matches no more')
  assert.not.match(JSON.stringify(log.lines), /horse|\$5\$/)
})

test('two first logins at once both succeed', async () => {
  const { login, users } = await fixture(new PasswordHasher(crypt))
  users.setHash('alice', imported('correct horse'), 0)
  const steps = await Promise.all([login('alice', 'correct horse'), login('alice', 'correct horse'), login('alice', 'correct horse')])
  assert.equal(steps.map(({ kind }) => kind), ['identity', 'identity', 'identity'])
})

test('a password changed during the login with an imported hash counts', async () => {
  const { login, users } = await fixture(new PasswordHasher(crypt))
  users.setHash('alice', imported('correct horse'), 0)
  const fresh = await hash('another horse', CHEAP)
  const step = login('alice', 'correct horse')
  users.setHash('alice', fresh, 0)
  assert.is((await step).kind, 'refused')
  assert.is(users.credentials('alice')?.hash, fresh)
})

test('a locked or expired user keeps the imported hash', async () => {
  const { login, users } = await fixture(new PasswordHasher(crypt))
  users.setHash('alice', imported('correct horse'), 0)
  users.setLocked('alice', true)
  assert.is((await login('alice', 'correct horse') as { reason?: string }).reason, 'locked')
  assert.is(users.credentials('alice')?.hash, imported('correct horse'))
})

test('a hash that would take for ever is never computed', async () => {
  let asked = 0
  const { login, users, log } = await fixture(new PasswordHasher({ matches: async () => ++asked > 0 }))
  users.setHash('alice', `$5$rounds=999999999$salt$${'a'.repeat(43)}`, 0)
  assert.is((await login('alice', 'correct horse') as { reason?: string }).reason, 'wrong-credentials')
  assert.is(asked, 0)
  assert.is(log.lines[0]?.level, 'error')
})

test('a disk that takes nothing does not keep an imported user out', async () => {
  const { login, users, log } = await fixture(new PasswordHasher(crypt))
  users.setHash('alice', imported('correct horse'), 0)
  users.replaceHash = () => { throw new Error('disk full') }
  assert.is((await login('alice', 'correct horse')).kind, 'identity')
  assert.is(log.lines[0]?.level, 'warn')
})

test.run()
