import { verify } from '@node-rs/argon2'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, type CommandInput, type CommandResult } from '../../core/api.ts'
import { checkConfig } from '../../core/config/load.ts'
import { createPolicies } from '../../core/policy/policies.ts'
import { TestClock, TestLog } from '../../core/testing.ts'
import { AuthLocalConfig } from './config.ts'
import { ExpiryWatch } from './expiry-watch.ts'
import { LocalPolicySource } from './local-policy-source.ts'
import { PasswordHasher } from './password-hasher.ts'
import { PasswordRules } from './password-rules.ts'
import { ListedAudit, ListedSessions, memoryStore } from './testing.ts'
import { UserCommands } from './user-commands.ts'
import { USER_COMMANDS } from './user-definitions.ts'
import { UserPolicy } from './user-policy.ts'
import { UserSessions } from './user-sessions.ts'
import { UserTable } from './user-table.ts'

const SECRET = 'correct horse'

function fixture(sessions: ListedSessions | 'offline' = new ListedSessions()) {
  const store = memoryStore()
  const users = new UserTable(store)
  const audit = new ListedAudit()
  const clock = new TestClock(Date.UTC(2026, 10, 21))
  const { core: config } = checkConfig(Buffer.from('[pool.default]\nipv4 = "10.20.0.0/24"\n[group.staff.policy]\nmtu = 1300\n[group.guests]\n'), '/x.toml', [])
  const source = new LocalPolicySource(users, new TestLog())
  const policies = createPolicies(config, () => [source])
  const userSessions = new UserSessions(store, sessions === 'offline' ? undefined : sessions.asSessions)
  const commands = new UserCommands(users, new PasswordHasher(), userSessions, audit, clock, config, new UserPolicy(users, config, policies, source), new PasswordRules(() => AuthLocalConfig.parse({}), new TestLog()), () => [records])
  const forgotten: string[] = []
  const records = { name: 'notes', describe: () => ({ data: { notes: 2 }, text: 'two notes' }), forget: (user: string) => void forgotten.push(user) }
  const run = async (path: string, name?: string, options: CommandInput['options'] = {}, secret?: string): Promise<CommandResult> =>
    commands.handlers[path]!({ args: name === undefined ? {} : { name }, options, actor: 'cli', ...(secret === undefined ? {} : { secret }) })
  return { store, users, audit, clock, commands, run, source, policies, forgotten }
}

async function refusal(work: Promise<unknown>): Promise<GatewayError> {
  try {
    await work
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('was not refused')
}

test('every definition has its handler and no other', () => {
  assert.equal(Object.keys(fixture().commands.handlers).sort(), USER_COMMANDS.map((definition) => definition.path).sort())
})

test('add stores an argon2id hash and shows the user in its documented shape', async () => {
  const { run, users } = fixture()
  const { data, text } = await run('user add', 'alice', { group: ['staff', 'guests', 'staff'], expires: '2027-01-31' }, SECRET)
  const shape = { name: 'alice', groups: ['staff', 'guests'], locked: false, expiresAt: '2027-02-01T00:00:00.000Z', createdAt: '2026-11-21T00:00:00.000Z' }
  assert.equal(data, shape)
  assert.is(text, 'user alice added')
  assert.equal((await run('user list')).data, [shape])
  assert.equal((await run('user show', 'ALICE')).data, { ...shape, passwordSetAt: shape.createdAt, mustChange: false, policy: {}, sessions: 0, notes: 2 })
  const hash = users.credentials('alice')!.hash
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.ok(await verify(hash, SECRET))
})

test('bad input is refused with its reason, and nothing is stored', async () => {
  const { run, users } = fixture()
  const cases: [Promise<unknown>, string, RegExp][] = [
    [run('user add', 'a b', {}, SECRET), 'USAGE', /letters, digits/],
    [run('user add', 'alice', {}), 'USAGE', /--password-stdin/],
    [run('user add', 'alice', {}, 'short'), 'REFUSED', /at least 8/],
    [run('user add', 'alexandra', {}, 'Alexandra'), 'REFUSED', /user name/],
    [run('user add', 'alice', { group: ['stuff'] }, SECRET), 'GROUP_UNKNOWN', /no group stuff \(did you mean staff\?\)/],
    [run('user add', 'alice', { group: ['zzzzzz'] }, SECRET), 'GROUP_UNKNOWN', /there are: staff, guests/],
    [run('user add', 'alice', { expires: 'soon' }, SECRET), 'USAGE', /2027-01-31/],
  ]
  for (const [work, code, text] of cases) {
    const error = await refusal(work)
    assert.is(error.code, code)
    assert.match(error.message, text)
  }
  assert.equal(users.list(), [])
})

test('an unknown user is refused with the nearest one, on one line', async () => {
  const { run } = fixture()
  await run('user add', 'alice', {}, SECRET)
  for (const path of ['user show', 'user set', 'user passwd', 'user lock', 'user unlock', 'user remove']) {
    const error = await refusal(run(path, 'alcie', {}, SECRET))
    assert.is(error.code, 'USER_UNKNOWN')
    assert.is(error.message, 'there is no user alcie (did you mean alice?)')
  }
  assert.not.match((await refusal(run('user show', 'x\ny'))).message, '\n')
})

test('a user is made once', async () => {
  const { run } = fixture()
  await run('user add', 'alice', {}, SECRET)
  assert.is((await refusal(run('user add', 'Alice', {}, SECRET))).code, 'USER_EXISTS')
  const both = await Promise.allSettled([run('user add', 'bob', {}, SECRET), run('user add', 'BOB', {}, SECRET)])
  assert.equal(both.map((one) => one.status).sort(), ['fulfilled', 'rejected'])
})

test('locking and removing end the sessions of that user', async () => {
  const sessions = new ListedSessions([{ id: 's1', user: 'alice' }, { id: 's2', user: 'bob' }, { id: 's3', user: 'alice' }])
  const { run, users } = fixture(sessions)
  await run('user add', 'alice', {}, SECRET)
  await run('user add', 'bob', {}, SECRET)
  assert.is((await run('user lock', 'Alice')).text, 'user alice locked, 2 sessions ended')
  assert.equal(sessions.ended, [{ id: 's1', cause: 'user-locked' }, { id: 's3', cause: 'user-locked' }])
  assert.ok(users.get('alice')?.locked)
  assert.is((await run('user unlock', 'alice')).text, 'user alice unlocked')
  assert.not.ok(users.get('alice')?.locked)
  assert.equal((await run('user remove', 'bob')).data, { name: 'bob', sessionsEnded: 1 })
  assert.equal(sessions.ended[2], { id: 's2', cause: 'user-removed' })
  assert.is(users.get('bob'), undefined)
})

test('a new password leaves the sessions alone and says so', async () => {
  const sessions = new ListedSessions([{ id: 's1', user: 'alice' }])
  const { run, users } = fixture(sessions)
  await run('user add', 'alice', {}, SECRET)
  const { text } = await run('user passwd', 'alice', {}, 'another horse')
  assert.match(text!, /1 live session goes on/)
  assert.equal(sessions.ended, [])
  assert.ok(await verify(users.credentials('alice')!.hash, 'another horse'))
})

test('what plugins keep of a user is shown with the user, and goes with the user', async () => {
  const { run, forgotten } = fixture()
  await run('user add', 'Alice', {}, SECRET)
  assert.is((await run('user show', 'alice')).text, 'no policy of its own\ntwo notes')
  assert.equal(forgotten, [])
  await run('user remove', 'alice')
  assert.equal(forgotten, ['Alice'])
})

test('a password handed out may have to be changed at the first login', async () => {
  const { run, users, clock } = fixture()
  await run('user add', 'alice', { 'must-change': true }, SECRET)
  assert.ok(users.credentials('alice')?.mustChange)
  assert.match((await run('user show', 'alice')).text ?? '', /next login has to change the password/)
  clock.advance(5000)
  await run('user passwd', 'alice', {}, 'another horse')
  assert.equal([users.credentials('alice')?.mustChange, users.credentials('alice')?.setAt], [false, clock.now()])
  await run('user passwd', 'alice', { 'must-change': true }, 'a third horse')
  assert.ok(users.credentials('alice')?.mustChange)
})

test('set changes groups and expiry, each alone', async () => {
  const { run, users } = fixture()
  await run('user add', 'alice', { group: ['staff'], expires: '2027-01-31' }, SECRET)
  await run('user set', 'alice', { expires: 'none' })
  assert.is(users.get('alice')?.expiresAt, undefined)
  assert.equal(users.get('alice')?.groups, ['staff'])
  await run('user set', 'alice', { group: ['guests'] })
  assert.equal(users.get('alice')?.groups, ['guests'])
  assert.is((await refusal(run('user set', 'alice'))).code, 'USAGE')
})

test('without a gateway the sessions are ended at its next start', async () => {
  const { run, store } = fixture('offline')
  await run('user add', 'alice', {}, SECRET)
  assert.equal((await run('user lock', 'alice')), { data: { name: 'alice', sessionsEnded: null }, text: 'user alice locked; sessions end when the gateway starts' })
  assert.is(((await run('user show', 'alice')).data as { sessions: unknown }).sessions, null)
  const sessions = new ListedSessions([{ id: 's1', user: 'alice' }, { id: 's2', user: 'bob' }])
  new UserSessions(store, sessions.asSessions).settle()
  assert.equal(sessions.ended, [{ id: 's1', cause: 'user-locked' }])
  const later = new ListedSessions([{ id: 's4', user: 'alice' }])
  new UserSessions(store, later.asSessions).settle()
  assert.equal(later.ended, [], 'settled once')
})

test('an expired account ends its sessions within a minute', () => {
  const { store, users, clock } = fixture()
  const sessions = new ListedSessions([{ id: 's1', user: 'alice' }, { id: 's2', user: 'bob' }])
  users.insert({ name: 'alice', groups: [], locked: false, expiresAt: clock.now() + 90_000, createdAt: 0 }, 'x')
  users.insert({ name: 'bob', groups: [], locked: false, expiresAt: undefined, createdAt: 0 }, 'x')
  const watch = new ExpiryWatch(users, new UserSessions(store, sessions.asSessions), clock, new TestLog())
  watch.start()
  clock.advance(60_000)
  assert.equal(sessions.ended, [])
  clock.advance(60_000)
  assert.equal(sessions.ended, [{ id: 's1', cause: 'user-expired' }])
  watch.stop()
  assert.is(clock.pending, 0)
})

test('every change is in the audit, with the actor and without the password', async () => {
  const { run, audit } = fixture()
  await run('user add', 'alice', {}, SECRET)
  await refusal(run('user add', 'alice', {}, SECRET))
  await run('user passwd', 'alice', {}, 'another horse')
  await run('user lock', 'alice')
  await run('user unlock', 'alice')
  await run('user set', 'alice', { group: ['staff'] })
  await run('user remove', 'alice')
  await run('user list')
  assert.equal(audit.entries.map((entry) => [entry.action, entry.actor, entry.subject, entry.ok]), [
    ['user.add', 'cli', 'alice', true],
    ['user.add', 'cli', 'alice', false],
    ['user.passwd', 'cli', 'alice', true],
    ['user.lock', 'cli', 'alice', true],
    ['user.unlock', 'cli', 'alice', true],
    ['user.set', 'cli', 'alice', true],
    ['user.remove', 'cli', 'alice', true],
  ])
  assert.not.match(JSON.stringify(audit.entries), 'horse')
})

test('G09 policy of a user: set, appended, shown, in force at once, taken away, gone with the user', async () => {
  const sessions = new ListedSessions([{ id: 's1', user: 'alice' }])
  const { run, users, audit, source, policies } = fixture(sessions)
  await run('user add', 'alice', { group: ['staff'] }, SECRET)
  const { data, text } = await run('user set', 'ALICE', { values: ['dpd=10s', 'search+=corp.example', 'ipv4-address=10.20.0.7'] })
  assert.equal((data as { policy: unknown }).policy, { dpd: '10s', search: { append: ['corp.example'] }, 'ipv4-address': '10.20.0.7' })
  assert.match(text ?? '', /1 live session with it/)
  assert.equal(sessions.renewed, ['alice'])
  assert.equal(audit.entries.at(-1), { action: 'user.set', actor: 'cli', subject: 'ALICE', ok: true, detail: 'dpd=10s, search+=corp.example, ipv4-address=10.20.0.7' })
  assert.match((await run('user show', 'alice')).text ?? '', /search = \{ append = \["corp\.example"\] \}/)
  const { values, origins } = policies.resolve({ user: 'alice', group: 'staff' })
  assert.equal([values.dpdSec, origins.dpdSec, values.search, origins.mtu], [10, 'user alice', ['corp.example'], 'group staff'])
  assert.is(source.ownerOf('10.20.0.7'), 'alice')
  await run('user unset', 'alice', { keys: ['ipv4-address', 'search'] })
  assert.equal(users.policy('alice'), { dpd: '10s' })
  assert.is(source.ownerOf('10.20.0.7'), undefined)
  await run('user remove', 'alice')
  assert.is(source.layer('alice'), undefined)
})

test('G09 a value that cannot be is refused with its reason, and nothing is stored', async () => {
  const { run, users } = fixture()
  await run('user add', 'alice', { group: ['staff'] }, SECRET)
  await run('user add', 'bob', {}, SECRET)
  await run('user set', 'bob', { values: ['ipv4-address=10.20.0.9'] })
  for (const [values, message] of [
    [['ipv4-address=10.99.0.1'], /^ipv4-address: 10\.99\.0\.1 is not an address/], [['ipv4-address=10.20.0.9'], /10\.20\.0\.9 belongs to bob/], [['pool=none'], /^pool: there is no pool "none"/],
    [['dpd=10s', 'mtu=12'], /^mtu: must be at least 576/], [['ddp=10s'], /did you mean "dpd"/],
  ] as const) {
    const error = await refusal(run('user set', 'alice', { values, group: ['guests'] }))
    assert.is(error.code, 'USAGE')
    assert.match(error.message, message)
  }
  assert.equal((await refusal(run('user unset', 'alice', { keys: ['dpd'] }))).message, 'dpd is not set')
  assert.equal([users.policy('alice'), users.get('alice')?.groups], [{}, ['staff']])
})

test.run()
