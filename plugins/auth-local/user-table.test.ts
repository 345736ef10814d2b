import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, userNameProblem } from '../../core/api.ts'
import { memoryStore } from './testing.ts'
import { UserTable } from './user-table.ts'
import { isUserName, passwordProblem, type User } from './user.ts'
import { parseExpiry } from './expiry.ts'

const user = (name: string, groups: readonly string[] = []): User => ({ name, groups, locked: false, expiresAt: undefined, createdAt: 1 })

test('a user is found whatever the case, and keeps the name as it was made', () => {
  const table = new UserTable(memoryStore())
  table.insert(user('Alice.B@corp', ['staff', 'admins']), 'hash')
  assert.equal(table.get('aLICE.b@CORP'), user('Alice.B@corp', ['staff', 'admins']))
  assert.is(table.credentials('alice.b@corp')?.hash, 'hash')
  assert.is(table.get('alice'), undefined)
})

test('a name is taken in every case', () => {
  const table = new UserTable(memoryStore())
  table.insert(user('bob'), 'hash')
  assert.throws(() => table.insert(user('BOB'), 'hash'), (error: unknown) => error instanceof GatewayError && error.code === 'USER_EXISTS')
})

test('users come in the order of their names, with their groups in the order given', () => {
  const table = new UserTable(memoryStore())
  table.insert(user('Zoe', ['b', 'a']), 'hash')
  table.insert(user('adam'), 'hash')
  assert.equal(table.list().map((one) => [one.name, one.groups]), [['adam', []], ['Zoe', ['b', 'a']]])
})

test('removing a user removes the groups too', () => {
  const table = new UserTable(memoryStore())
  table.insert(user('bob', ['staff']), 'hash')
  table.remove('BOB')
  assert.is(table.get('bob'), undefined)
  table.insert(user('bob'), 'hash')
  assert.equal(table.get('bob')?.groups, [])
})

test('expired users are those whose time has come', () => {
  const table = new UserTable(memoryStore())
  table.insert({ ...user('past'), expiresAt: 99 }, 'hash')
  table.insert({ ...user('now'), expiresAt: 100 }, 'hash')
  table.insert({ ...user('later'), expiresAt: 101 }, 'hash')
  table.insert(user('never'), 'hash')
  assert.equal([...table.expired(100)].sort(), ['now', 'past'])
})

test('names have 1 to 64 letters, digits and . _ @ -', () => {
  for (const good of ['a', 'Alice.B-2@corp.example', '_x', 'x'.repeat(64)]) assert.is(userNameProblem(good), undefined, good)
  for (const bad of ['', '-a', '.a', 'a b', 'a\n', 'ä', 'a;b', 'x'.repeat(65)]) {
    assert.type(userNameProblem(bad), 'string', bad)
    assert.not(isUserName(bad), bad)
  }
})

test('a password has 8 characters to 256 bytes and is not the name', () => {
  assert.is(passwordProblem('alice', '12345678'), undefined)
  assert.match(passwordProblem('alice', '1234567')!, 'at least 8')
  assert.match(passwordProblem('alice', 'äöüß')!, 'at least 8')
  assert.is(passwordProblem('alice', 'ä'.repeat(128)), undefined)
  assert.match(passwordProblem('alice', 'ä'.repeat(128) + 'x')!, 'at most 256')
  assert.match(passwordProblem('alexandra', 'ALEXANDRA')!, 'user name')
})

test('an expiry is the end of a day, a time or none', () => {
  assert.is(parseExpiry('2027-01-31'), Date.UTC(2027, 1, 1))
  assert.is(parseExpiry('2027-01-31T12:00:00Z'), Date.UTC(2027, 0, 31, 12))
  assert.is(parseExpiry('2027-01-31T12:00+02:00'), Date.UTC(2027, 0, 31, 10))
  assert.is(parseExpiry('none'), 'none')
  for (const bad of ['', 'tomorrow', '2027-02-31', '2027-13-01', '31.01.2027', '2027', '2027-01-31T25:00:00Z']) assert.is(parseExpiry(bad), undefined, bad)
})

test.run()
