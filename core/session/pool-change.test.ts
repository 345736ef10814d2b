import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codeOf } from '../testing.ts'
import { homeless } from './homeless.ts'
import type { Session } from './session.ts'
import { BOTH, login, rigs, type SessionRig } from './testing.ts'

const rig = rigs(test)
const pool = (one: SessionRig, ipv4: string | undefined, ipv6?: string, name = 'default', quarantineSec = 300): void => {
  one.pools.set(name, { name, ipv4, ipv6, quarantineSec })
}
const claimed = (one: SessionRig, user: string): Session => {
  const session = one.table.create(login(user))
  one.table.claimLeases(session, BOTH)
  return session
}
const v4 = (session: Session): string | undefined => session.leases.ipv4?.address

test('G09 a pool that has grown goes on with who is there, and hands out the rest', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/30', ipv6: undefined } })
  const bob = claimed(one, 'bob')
  assert.is(codeOf(() => claimed(one, 'eve')), 'POOL_EXHAUSTED')
  pool(one, '192.0.2.0/24')
  assert.equal(homeless(one.table.list(), one.pools), [])
  one.table.reconfigurePools()
  assert.equal(bob.leases.ipv4, { address: '192.0.2.2', prefix: 30 }, 'clients compare the netmask too')
  assert.equal([v4(claimed(one, 'joe')), v4(claimed(one, 'ann'))], ['192.0.2.3', '192.0.2.4'])
  one.table.end(bob.id, 'user')
  assert.is(v4(claimed(one, 'bob')), '192.0.2.2')
})

test('G09 a pool that has shrunk keeps who is inside, and names the others', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/24', ipv6: undefined } })
  const [, , , , , last] = ['a', 'b', 'c', 'd', 'e', 'f'].map((user) => claimed(one, user))
  pool(one, '192.0.2.0/29')
  assert.equal(homeless(one.table.list(), one.pools).map(({ user }) => user), ['f'], '192.0.2.7 is its broadcast address')
  one.table.end(last?.id ?? '', 'lease-lost')
  one.table.reconfigurePools()
  assert.throws(() => claimed(one, 'g'), /5 of 5 are in use/)
  one.table.end(one.table.list()[0]?.id ?? '', 'user')
  assert.is(v4(claimed(one, 'a')), '192.0.2.2')
})

test('G09 an address that rests goes on resting in the pool that has it now', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/30', ipv6: undefined } })
  one.table.end(claimed(one, 'bob').id, 'user')
  pool(one, '192.0.2.0/29')
  one.table.reconfigurePools()
  assert.equal(['a', 'b', 'c', 'd'].map((user) => v4(claimed(one, user))), ['192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6'])
  assert.throws(() => claimed(one, 'eve'), /4 of 5 are in use, the next is free in 300 s/)
  one.clock.advance(100_500)
  assert.throws(() => claimed(one, 'eve'), /the next is free in 200 s/)
  assert.is(v4(claimed(one, 'bob')), '192.0.2.2')
})

test('G09 a pool under another name is the same addresses, a new one begins empty, and one that is gone gives none', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/24', ipv6: undefined } })
  const bob = claimed(one, 'bob')
  one.pools.delete('default')
  pool(one, '192.0.2.0/24', undefined, 'old')
  pool(one, '198.51.100.0/24', 'fd30::/64', 'new')
  assert.equal(homeless(one.table.list(), one.pools), [])
  one.table.reconfigurePools()
  assert.throws(() => claimed(one, 'eve'), /there is no pool default/)
  pool(one, '203.0.113.0/24', 'fd40::/64')
  one.pools.delete('old')
  assert.equal(homeless(one.table.list(), one.pools), [bob])
  one.table.reconfigurePools()
  assert.equal(claimed(one, 'eve').leases, { ipv4: { address: '203.0.113.2', prefix: 24 }, ipv6: { address: 'fd40::2', prefix: 64 } })
  one.table.end(bob.id, 'user')
  assert.is(codeOf(() => one.table.claimLeases(bob, BOTH)), 'SESSION_UNKNOWN')
})

test('G09 what the pools have been changed to counts after a restart too', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/24', ipv6: undefined } })
  const bob = claimed(one, 'bob')
  pool(one, '192.0.2.0/28')
  one.table.reconfigurePools()
  one.stop()
  const two = rig({ directory: one.directory, clock: one.clock, pool: { ipv4: '192.0.2.0/28', ipv6: undefined } })
  assert.equal((two.table.get(bob.id) as Session).leases.ipv4, { address: '192.0.2.2', prefix: 24 }, 'as its client was told')
  assert.is(v4(claimed(two, 'eve')), '192.0.2.3')
})

test('G09 a pool that is nearly full is a standing problem until it is clearly less', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/27', ipv6: undefined, quarantineSec: 0 } })
  const text = (): string | undefined => one.health.list().find(({ code }) => code === 'POOL_NEARLY_FULL')?.text
  const sessions = Array.from({ length: 26 }, (_, at) => claimed(one, `u${at}`))
  assert.is(text(), undefined)
  sessions.push(claimed(one, 'one-more'))
  assert.match(text() ?? '', /pool default is nearly full: nine of ten of its 29 IPv4 addresses/)
  sessions.push(claimed(one, 'two-more'), claimed(one, 'three-more'))
  assert.match(text() ?? '', /pool default is full: all of its 29 IPv4 addresses/)
  for (const session of sessions.splice(0, 4)) one.table.end(session.id, 'user')
  assert.match(text() ?? '', /nearly full/, '25 of 29')
  one.table.end(sessions.pop()?.id ?? '', 'user')
  assert.is(text(), undefined)
  for (let at = 0; at < 3; at++) claimed(one, `again${at}`)
  assert.match(text() ?? '', /nearly full/)
  pool(one, '192.0.2.0/24')
  one.table.reconfigurePools()
  assert.is(text(), undefined)
})

test.run()
