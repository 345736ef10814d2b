import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash } from '@node-rs/argon2'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OFFERS, type AuthContext, type AuthStep } from '../../core/api.ts'
import { TestClock, TestLog } from '../../core/testing.ts'
import { isBreached } from './breached-passwords.ts'
import { AuthLocalConfig } from './config.ts'
import { breachedFindings } from './findings.ts'
import { LocalBackend } from './local-backend.ts'
import { PasswordHasher } from './password-hasher.ts'
import { PasswordRules } from './password-rules.ts'
import { ListedAudit, memoryStore } from './testing.ts'
import { UserTable } from './user-table.ts'

const CHEAP = { memoryCost: 64, timeCost: 1, parallelism: 1 }
const DAY = 86_400_000
const context: AuthContext = { peer: '198.51.100.7', group: 'staff', origin: 'https://vpn.example.com', userAgent: 'test', capabilities: [], certificates: [], certificateMissing: false }

async function fixture(settings: object = {}) {
  const [users, clock, log, audit] = [new UserTable(memoryStore()), new TestClock(), new TestLog(), new ListedAudit()]
  const config = AuthLocalConfig.parse(settings)
  const rules = new PasswordRules(() => config, log)
  users.insert({ name: 'Alice', groups: [], locked: false, expiresAt: undefined, createdAt: clock.now() }, await hash('correct horse', CHEAP), true)
  const backend = new LocalBackend(users, new PasswordHasher(), clock, log, { audit, rules })
  const login = async (password: string, more: Partial<AuthContext> = {}): Promise<AuthStep> => {
    const step = backend.begin({ ...context, ...more })
    return step.kind === 'form' ? step.answer(new Map([['username', 'alice'], ['password', password]])) : step
  }
  return { users, clock, log, audit, rules, login }
}

/** Offers a new password, and once more. */
async function offer(step: AuthStep, password: string, again = password): Promise<AuthStep> {
  const second = await typed(step, password)
  return second.kind === 'form' && /once more/.test(second.form.message) ? typed(second, again) : second
}
function typed(step: AuthStep, password: string): Promise<AuthStep> {
  if (step.kind !== 'form') throw new Error(`not a form: ${JSON.stringify(step)}`)
  return step.answer(new Map([['new_password', password]]))
}
const messageOf = (step: AuthStep): string => (step.kind === 'form' ? step.form.message : step.kind)

test('G03 who has to change the password does it inside the login, and only then is in', async () => {
  const { login, users, audit, log } = await fixture()
  const step = await login('correct horse')
  if (step.kind !== 'form') throw new Error('not asked')
  assert.equal(step.form, { id: 'passwd', message: 'Please choose a new password.\nIt has at least 8 characters and is not your user name.', fields: [{ kind: 'password', name: 'new_password', label: 'New password:' }] })
  assert.equal(await offer(step, 'another horse'), { kind: 'identity', identity: { user: 'Alice', groups: [], source: 'local' } })
  assert.not.ok(users.credentials('alice')?.mustChange)
  assert.is((await login('correct horse')).kind, 'refused')
  assert.is((await login('another horse')).kind, 'identity')
  assert.equal(audit.entries, [{ action: 'user.passwd', actor: 'Alice', subject: 'Alice', peer: context.peer, ok: true, detail: 'at the login' }])
  assert.not.match(JSON.stringify(log.lines), /horse/)
})

test('a password that does not do is refused with its reason and may be tried again, a few times', async () => {
  const { login, users } = await fixture({ 'min-length': 10 })
  let step = await login('correct horse')
  assert.match(messageOf(step), /at least 10 characters/)
  for (const [password, reason] of [['too short', /at least 10/], ['correct horse', /it is the one you have/], ['', /at least 10/]] as const) {
    step = await offer(step, password)
    assert.match(messageOf(step), reason)
  }
  step = await offer(step, 'another horse', 'another house')
  assert.match(messageOf(step), /not the same/)
  assert.is((await offer(step, 'another horse')).kind, 'identity', `${OFFERS} offers`)
  users.setHash('alice', await hash('correct horse', CHEAP), 0, true)
  let last = await login('correct horse')
  for (let i = 0; i < OFFERS; i++) last = await offer(last, 'short')
  assert.equal(await offer(last, 'a fine new one'), { kind: 'refused', reason: 'password-expired', user: 'Alice', detail: 'no acceptable new password' })
})

test('a password is too old at its age, counted from when it was set', async () => {
  const { login, users, clock } = await fixture({ 'password-max-age': '30d' })
  users.setHash('alice', await hash('correct horse', CHEAP), clock.now())
  clock.advance(30 * DAY - 1)
  assert.is((await login('correct horse')).kind, 'identity')
  clock.advance(1)
  const step = await login('correct horse')
  assert.match(messageOf(step), /^Your password has expired/)
  assert.is((await offer(step, 'another horse')).kind, 'identity')
  assert.is((await login('another horse')).kind, 'identity')
})

test('a change that comes too late changes nothing', async () => {
  const { login, users } = await fixture()
  const [one, other] = [await login('correct horse'), await login('correct horse')]
  assert.is((await offer(one, 'another horse')).kind, 'identity')
  assert.is((await offer(other, 'a third horse') as { reason?: string }).reason, 'wrong-credentials')
  assert.is((await login('another horse')).kind, 'identity')
  users.setHash('alice', await hash('correct horse', CHEAP), 0, true)
  const late = await login('correct horse')
  users.setLocked('alice', true)
  assert.is((await offer(late, 'a third horse') as { reason?: string }).reason, 'locked')
})

test('behind a step that failed nothing is changed and every password is wrong', async () => {
  const { login } = await fixture()
  assert.is((await login('correct horse', { decoy: true, identity: { user: 'alice', groups: [], source: 'certificate' } }) as { reason?: string }).reason, 'wrong-credentials')
})

test('the name and its reverse are no passwords', async () => {
  const { rules } = await fixture()
  assert.match((await rules.problem('alexandra', 'ALEXANDRA')) ?? '', /user name$/)
  assert.match((await rules.problem('alexandra', 'ardnaxelA')) ?? '', /backwards$/)
  assert.is(await rules.problem('alexandra', 'alexandra7'), undefined)
})

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex').toUpperCase()

test('breached passwords are found in a sorted file of hashes, wherever they stand, and no others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'breached-'))
  try {
    const words = Array.from({ length: 200 }, (_, index) => `password ${index}`)
    const file = join(folder, 'list.txt')
    for (const lines of [words.map((word, index) => `${sha1(word)}:${index * 7919}`).sort().join('\r\n'), `${words.map((word) => sha1(word).toLowerCase()).sort().join('\n')}\n`]) {
      writeFileSync(file, lines)
      for (const word of words) assert.ok(await isBreached(file, word), word)
      for (let index = 0; index < 100; index++) assert.not.ok(await isBreached(file, `other ${index}`))
    }
    const { rules, log } = await fixture({ 'breached-passwords-file': file })
    assert.match((await rules.problem('alice', 'password 7')) ?? '', /known from a breach/)
    assert.is(await rules.problem('alice', 'another horse'), undefined)
    writeFileSync(file, '')
    assert.not.ok(await isBreached(file, 'x'))
    writeFileSync(file, 'correct horse\n'.repeat(100))
    assert.is(await rules.problem('alice', 'another horse'), undefined, 'a list that cannot be read keeps nobody out')
    assert.is(log.lines[0]?.level, 'error')
    assert.match((await breachedFindings({ 'min-length': 8, 'breached-passwords-file': file }))[0]?.text ?? '', /no list of SHA-1 hashes/)
    assert.match((await breachedFindings({ 'min-length': 8, 'breached-passwords-file': `${file}.not` }))[0]?.text ?? '', /ENOENT/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
