import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PolicyValues } from '../policy/policy.ts'
import { codeOf } from '../testing.ts'
import { BOTH, login, rigs, type SessionRig } from './testing.ts'

const rig = rigs(test)

/** Values of users, as a source of policy has them. */
function users(one: SessionRig, values: Readonly<Record<string, PolicyValues>>): void {
  one.slots.policySource.add({
    layer: (user) => (values[user] ? { origin: `user ${user}`, values: values[user] } : undefined),
    ownerOf: (address) => Object.keys(values).find((user) => [values[user]?.ipv4Address, values[user]?.ipv6Address].includes(address)),
  }, 'test')
}
const claim = (one: SessionRig, user: string): readonly (string | undefined)[] => {
  const { ipv4, ipv6 } = one.table.claimLeases(one.table.create(login(user)), BOTH)
  return [ipv4?.address, ipv6?.address]
}

test('G09 a user with an address of his own gets it, the other family as usual, and again after each login', () => {
  const one = rig()
  users(one, { bob: { ipv4Address: '10.20.1.77' }, eve: { ipv6Address: 'fd20::99' } })
  assert.equal(claim(one, 'bob'), ['10.20.1.77', 'fd20::14d'])
  assert.equal(claim(one, 'eve'), ['10.20.0.2', 'fd20::99'])
  one.table.end(one.table.list()[0]?.id ?? '', 'user')
  assert.equal(claim(one, 'bob'), ['10.20.1.77', 'fd20::14d'])
})

test('G09 nobody else gets an address that is somebody\'s own, whether or not its user is there', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/29', ipv6: undefined } })
  users(one, { bob: { ipv4Address: '192.0.2.3' } })
  assert.equal(['a', 'b', 'c', 'd'].map((user) => claim(one, user)[0]), ['192.0.2.2', '192.0.2.4', '192.0.2.5', '192.0.2.6'])
  assert.throws(() => claim(one, 'e'), /pool default has no free IPv4 address: 4 of 5 are in use/)
  assert.is(claim(one, 'bob')[0], '192.0.2.3')
})

test('G09 an address that is nobody\'s own any more is given to others again', () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/29', ipv6: undefined } })
  const values: Record<string, PolicyValues> = { bob: { ipv4Address: '192.0.2.3' } }
  users(one, values)
  for (const user of ['a', 'b', 'c', 'd']) claim(one, user)
  delete values['bob']
  assert.is(claim(one, 'e')[0], '192.0.2.3')
})

test('G09 the last address of a device does not come back to it when it has become another user\'s own', () => {
  const one = rig({ pool: { quarantineSec: 0 } })
  const values: Record<string, PolicyValues> = {}
  users(one, values)
  assert.is(claim(one, 'eve')[0], '10.20.0.2')
  one.table.end(one.table.list()[0]?.id ?? '', 'user')
  values['bob'] = { ipv4Address: '10.20.0.2' }
  assert.is(claim(one, 'eve')[0], '10.20.0.3')
  assert.is(claim(one, 'bob')[0], '10.20.0.2')
})

test('G09 an address of one\'s own needs no quarantine of somebody else', () => {
  const one = rig()
  const values: Record<string, PolicyValues> = {}
  users(one, values)
  claim(one, 'eve')
  one.table.end(one.table.list()[0]?.id ?? '', 'user')
  values['bob'] = { ipv4Address: '10.20.0.2' }
  assert.is(claim(one, 'bob')[0], '10.20.0.2')
})

test('G09 a login is refused while somebody else holds the address, or when the pool does not have it', () => {
  const one = rig()
  const values: Record<string, PolicyValues> = {}
  users(one, values)
  claim(one, 'eve')
  values['bob'] = { ipv4Address: '10.20.0.2' }
  assert.is(codeOf(() => one.table.create(login('bob'))), 'ADDRESS_UNAVAILABLE')
  assert.throws(() => one.table.create(login('bob')), /10\.20\.0\.2 of bob is still held by session [a-z2-7]{26} of eve/)
  one.table.end(one.table.list()[0]?.id ?? '', 'user')
  assert.is(claim(one, 'bob')[0], '10.20.0.2')
  values['joe'] = { ipv6Address: 'fd21::7' }
  assert.throws(() => one.table.create(login('joe')), /fd21::7 of joe is not an address of pool default/)
})

test('G09 who has an address of his own has one session, and one that nobody uses gives way', async () => {
  const one = rig()
  users(one, { bob: { ipv4Address: '10.20.0.9' } })
  const first = one.table.create(login('bob', { uniqueId: 'laptop' }))
  const second = one.table.create(login('bob', { uniqueId: 'phone' }))
  assert.is(one.table.get(first.id), undefined)
  await one.connect(second)
  assert.is(codeOf(() => one.table.create(login('bob', { uniqueId: 'laptop' }))), 'SESSION_LIMIT')
  assert.is(second.leases.ipv4?.address, '10.20.0.9')
})

test.run()
