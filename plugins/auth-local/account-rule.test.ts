import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TestClock } from '../../core/testing.ts'
import { AccountRule } from './account-rule.ts'
import { memoryStore } from './testing.ts'
import { UserTable } from './user-table.ts'

test('G20 who is locked or has expired gets no session by a certificate either; strangers are not ours to judge', () => {
  const users = new UserTable(memoryStore())
  const clock = new TestClock()
  const made = { groups: [], locked: false, expiresAt: undefined, createdAt: 0 }
  for (const user of [{ ...made, name: 'alice' }, { ...made, name: 'bob', locked: true }, { ...made, name: 'carol', expiresAt: clock.now() + 1000 }]) users.insert(user, 'x')
  const rule = new AccountRule(users, clock)
  const reason = (user: string): string | undefined => rule.refuse({ identity: { user, groups: [], source: 'certificate' } })?.reason
  assert.equal(['alice', 'BOB', 'carol', 'dave'].map(reason), [undefined, 'locked', undefined, undefined])
  clock.advance(1000)
  assert.is(reason('Carol'), 'expired')
})

test.run()
