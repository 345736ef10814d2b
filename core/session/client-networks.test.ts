import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import type { TunnelHandle } from '../dataplane.ts'
import type { PolicyValues } from '../policy/policy.ts'
import { LINGER_MS } from './client-networks.ts'
import { networkOwners } from './network-claims.ts'
import type { Session } from './session.ts'
import { login, rigs, type SessionRig } from './testing.ts'

const rig = rigs(test)

function users(one: SessionRig, values: Readonly<Record<string, PolicyValues>>): void {
  one.slots.policySource.add({ layer: (user) => (values[user] ? { origin: `user ${user}`, values: values[user] } : undefined) }, 'test')
}
const connected = async (one: SessionRig, user: string, hostname = 'site'): Promise<Session> => {
  const session = one.table.create(login(user, { hostname }))
  await one.connect(session)
  return session
}
const routes = (one: SessionRig): readonly string[] | undefined => one.plane.openSpec()?.routes
const networks = (one: SessionRig, tunnel: number): readonly string[] => one.plane.tunnelSpec(tunnel as TunnelHandle)?.networks ?? []
const problem = (one: SessionRig): string | undefined => one.health.list().find(({ code }) => code === 'CLIENT_NETWORKS')?.text

test('G09 networks behind a client are in its tunnel and on the device, until a little after its tunnel', async () => {
  const one = rig()
  users(one, { bob: { iroute: ['198.18.0.0/16', '2001:db8:1::/48'] } })
  const bob = await connected(one, 'bob')
  assert.equal(networks(one, 1), ['198.18.0.0/16', '2001:db8:1::/48'])
  assert.equal(routes(one), ['198.18.0.0/16', '2001:db8:1::/48'])
  assert.equal(one.plane.openSpec()?.addresses, ['10.20.0.1/16', 'fd20::1/64'])
  one.plane.failTunnel(1 as TunnelHandle, 'eof')
  await one.plane.settled()
  one.clock.advance(LINGER_MS - 1)
  assert.equal(routes(one), bob.networks)
  one.clock.advance(1)
  assert.equal(routes(one), [])
  assert.equal(bob.networks, [])
  await one.connect(bob)
  one.clock.advance(LINGER_MS)
  assert.equal(networks(one, 2), ['198.18.0.0/16', '2001:db8:1::/48'])
  one.table.end(bob.id, 'admin')
  assert.equal(routes(one), [])
})

test('G09 who comes back in time keeps its routes, and a session without networks costs nothing', async () => {
  const one = rig()
  users(one, { bob: { iroute: ['198.18.0.0/16'] } })
  await connected(one, 'eve')
  assert.equal(routes(one), [], 'as at the opening')
  const bob = await connected(one, 'bob')
  one.plane.failTunnel(2 as TunnelHandle, 'eof')
  await one.plane.settled()
  one.clock.advance(LINGER_MS - 1)
  await one.connect(bob)
  one.clock.advance(LINGER_MS)
  assert.equal([networks(one, 3), routes(one)], [['198.18.0.0/16'], ['198.18.0.0/16']])
})

test('G09 a network that another user has stays his: the newer session goes without, says so, and has it when he has gone', async () => {
  const one = rig()
  users(one, { bob: { iroute: ['198.18.0.0/16', '198.19.1.0/24'] }, eve: { iroute: ['198.18.0.0/16', '198.19.0.0/16'] } })
  const bob = await connected(one, 'bob')
  await connected(one, 'eve')
  assert.equal([networks(one, 1), networks(one, 2)], [['198.18.0.0/16', '198.19.1.0/24'], ['198.19.0.0/16']])
  assert.match(problem(one) ?? '', /^198\.18\.0\.0\/16 is not routed to session [a-z2-7]{26} of eve: it is that of session [a-z2-7]{26} of bob$/)
  one.table.end(bob.id, 'user')
  assert.equal(networks(one, 2), ['198.18.0.0/16', '198.19.0.0/16'])
  assert.is(problem(one), undefined)
})

test('G09 a router that logs in anew takes its networks over from what it left behind', async () => {
  const one = rig()
  users(one, { bob: { iroute: ['198.18.0.0/16'] } })
  await connected(one, 'bob', 'old')
  const second = await connected(one, 'bob', 'new')
  assert.equal([networks(one, 1), networks(one, 2)], [[], ['198.18.0.0/16']])
  one.table.end(second.id, 'admin')
  assert.equal(networks(one, 1), ['198.18.0.0/16'])
})

test('G09 a network that overlaps a pool or the gateway\'s own is nobody\'s, also when the pool comes later', async () => {
  const one = rig()
  users(one, { bob: { iroute: ['10.20.128.0/17', '198.18.0.0/16'] } })
  await connected(one, 'bob')
  assert.equal(networks(one, 1), ['198.18.0.0/16'])
  assert.match(problem(one) ?? '', /10\.20\.128\.0\/17 is not routed .* it is that of pool default/)
  one.pools.set('new', { name: 'new', ipv4: '198.18.5.0/24', quarantineSec: 0 })
  one.table.reconfigurePools()
  assert.equal([networks(one, 1), routes(one)], [[], []])
  assert.equal(one.plane.openSpec()?.addresses, ['10.20.0.1/16', 'fd20::1/64', '198.18.5.1/24'])
  assert.match(problem(one) ?? '', /that of pool new/)
})

test('G09 a changed policy brings networks and takes them, under a living tunnel', async () => {
  const one = rig()
  const values: Record<string, PolicyValues> = {}
  users(one, values)
  await connected(one, 'bob')
  values['bob'] = { iroute: ['198.18.0.0/16'] }
  one.table.renewPolicies()
  assert.equal([networks(one, 1), routes(one)], [['198.18.0.0/16'], ['198.18.0.0/16']])
  delete values['bob']
  one.table.renewPolicies()
  assert.equal([networks(one, 1), routes(one)], [[], []])
})

test('what the kernel refuses is told', async () => {
  const one = rig()
  users(one, { bob: { iroute: ['198.18.0.0/16'] } })
  one.plane.configureDevice = () => ['add route 198.18.0.0/16 to pt0: this prefix has a route already']
  await connected(one, 'bob')
  assert.is(one.health.list().find(({ code }) => code === 'DEVICE')?.text, 'add route 198.18.0.0/16 to pt0: this prefix has a route already')
  one.plane.configureDevice = () => []
  one.table.end(one.table.list()[0]?.id ?? '', 'admin')
  assert.equal(one.health.list(), [])
})

test('G09 each wanted network has one owner who wants it, and keeps its user while he wants it', () => {
  const claimants = fc.dictionary(fc.constantFrom('s1', 's2', 's3', 's4'), fc.record({
    user: fc.constantFrom('bob', 'eve'), since: fc.nat(), wanted: fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c')),
  })).map((table) => new Map(Object.entries(table)))
  fc.assert(fc.property(claimants, claimants, (first, then) => {
    const before = networkOwners(first, new Map())
    const after = networkOwners(then, before)
    assert.equal([...after.keys()].sort(), [...new Set([...then.values()].flatMap(({ wanted }) => wanted))].sort())
    for (const [network, id] of after) {
      const owner = then.get(id)
      assert.ok(owner?.wanted.includes(network))
      const others = [...then.values()].filter(({ wanted }) => wanted.includes(network))
      assert.ok(others.every(({ user, since }) => user !== owner?.user || since <= owner.since), 'the newest of the user')
      const former = then.get(before.get(network) ?? '')
      if (former && others.some(({ user }) => user === former.user)) assert.is(owner?.user, former.user)
    }
  }))
})

test.run()
