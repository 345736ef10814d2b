import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, type UserToImport } from '../../core/api.ts'
import { TestClock } from '../../core/testing.ts'
import { LocalUserImport } from './local-user-import.ts'
import { ListedAudit, memoryStore } from './testing.ts'
import type { UserPolicy } from './user-policy.ts'
import { UserTable } from './user-table.ts'

const HASH = `$5$salt$${'a'.repeat(43)}`
const user = (name: string, more: Partial<UserToImport> = {}): UserToImport => ({ name, groups: ['staff'], hash: HASH, locked: false, policy: {}, ...more })

/** As if the configuration had no place for fixed addresses. */
const fitting: UserPolicy['fitting'] = (_user, { 'ipv4-address': address, ...policy }) => ({ policy, leftOut: address === undefined ? [] : [{ key: 'ipv4-address', text: 'no place' }] })

function fixture() {
  const store = memoryStore()
  const users = new UserTable(store)
  const audit = new ListedAudit()
  return { users, audit, take: (list: readonly UserToImport[], replace = false) => new LocalUserImport(store, users, { fitting }, audit, new TestClock()).take(list, { replace, actor: 'cli' }) }
}

test('F08 users come with groups, hash and lock; a second import changes nothing', () => {
  const { users, take, audit } = fixture()
  const list = [user('alice', { groups: ['staff', 'admins'] }), user('bob', { locked: true, groups: [] })]
  assert.equal(take(list), { added: ['alice', 'bob'], replaced: [], kept: [], leftOut: [] })
  assert.equal(take(list), { added: [], replaced: [], kept: ['alice', 'bob'], leftOut: [] })
  assert.equal(users.get('alice')?.groups, ['staff', 'admins'])
  assert.is(users.credentials('alice')?.hash, HASH)
  assert.is(users.get('bob')?.locked, true)
  assert.equal(audit.entries.map(({ action, ok }) => [action, ok]), [['user.import', true], ['user.import', true]])
})

test('who is there keeps the password unless it is to be replaced', () => {
  const { users, take } = fixture()
  take([user('Alice')])
  users.setHash('alice', 'new', 0)
  take([user('alice')])
  assert.is(users.credentials('alice')?.hash, 'new')
  assert.equal(take([user('alice', { groups: [] })], true), { added: [], replaced: ['alice'], kept: [], leftOut: [] })
  assert.is(users.credentials('alice')?.hash, HASH)
  assert.equal(users.get('alice')?.groups, [])
})

test('one that cannot be taken keeps all others out', () => {
  const { users, take } = fixture()
  for (const bad of [user('../x'), user('bob', { hash: '$5$rounds=999999999$s$x' }), user('bob', { hash: 'plain' })]) {
    try {
      take([user('alice'), bad])
      assert.unreachable()
    } catch (error) {
      assert.instance(error, GatewayError)
      assert.not.match((error as Error).message, /\$5\$|plain/)
    }
    assert.equal(users.list(), [])
  }
})

test('F08 a user comes with values of policy; what has no place is told', () => {
  const { users, take } = fixture()
  const { leftOut } = take([user('alice', { policy: { 'ipv4-address': '192.0.2.1', 'idle-timeout': '10m' } }), user('bob')])
  assert.equal(leftOut, [{ user: 'alice', key: 'ipv4-address', text: 'no place' }])
  assert.equal(users.policy('alice'), { 'idle-timeout': '10m' })
  assert.equal(users.policy('bob'), {})
  take([user('alice', { policy: { dpd: '30s' } })], true)
  assert.equal(users.policy('alice'), { dpd: '30s' })
})

test.run()
