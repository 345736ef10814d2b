import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError } from '../errors.ts'
import { codeOf } from '../testing.ts'
import type { Session } from './session.ts'
import { BOTH, login, rigs } from './testing.ts'

const rig = rigs(test)

test('G09 a session gets both families with one number, and the same at every CONNECT', () => {
  const { table } = rig()
  const session = table.create(login())
  const leases = table.claimLeases(session, BOTH)
  assert.equal(leases, { ipv4: { address: '10.20.0.2', prefix: 16 }, ipv6: { address: 'fd20::2', prefix: 64 } })
  assert.equal(table.claimLeases(session, { ipv4: true, ipv6: false }), leases)
  assert.equal(session.leases, leases)
})

test('G09 one family where one was asked or the pool has one', () => {
  const one = rig()
  assert.equal(one.table.claimLeases(one.table.create(login()), { ipv4: true, ipv6: false }), { ipv4: { address: '10.20.0.2', prefix: 16 } })
  assert.equal(one.table.claimLeases(one.table.create(login('eve')), { ipv4: false, ipv6: true }), { ipv6: { address: 'fd20::2', prefix: 64 } })
  const old = rig({ pool: { ipv6: undefined } })
  assert.equal(old.table.claimLeases(old.table.create(login()), BOTH), { ipv4: { address: '10.20.0.2', prefix: 16 } })
  assert.is(codeOf(() => old.table.claimLeases(old.table.create(login('eve')), { ipv4: false, ipv6: true })), 'POOL_EXHAUSTED')
})

test('G09 an exhausted pool is a clear error that names it, and costs the other family nothing', () => {
  const { table } = rig({ pool: { ipv4: '192.0.2.0/29' } })
  for (let at = 0; at < 5; at++) table.claimLeases(table.create(login(`u${at}`)), BOTH)
  const late = table.create(login('late'))
  assert.throws(() => table.claimLeases(late, BOTH), (error: Error) => error instanceof GatewayError && error.code === 'POOL_EXHAUSTED' && /pool default has no free IPv4 address: 5 of 5/.test(error.message))
  assert.equal(table.claimLeases(late, { ipv4: false, ipv6: true }), { ipv6: { address: 'fd20::7', prefix: 64 } })
})

test('G09 an address rests in quarantine, but its own user gets it again at once', () => {
  const { table, clock } = rig({ pool: { ipv4: '192.0.2.0/30', quarantineSec: 300 } })
  const first = table.create(login())
  table.claimLeases(first, { ipv4: true, ipv6: false })
  table.end(first.id, 'user')
  const eve = table.create(login('eve'))
  assert.is(codeOf(() => table.claimLeases(eve, { ipv4: true, ipv6: false })), 'POOL_EXHAUSTED')
  const again = table.create(login())
  assert.is(table.claimLeases(again, { ipv4: true, ipv6: false }).ipv4?.address, '192.0.2.2')
  table.end(again.id, 'user')
  clock.advance(299_000)
  assert.is(codeOf(() => table.claimLeases(eve, { ipv4: true, ipv6: false })), 'POOL_EXHAUSTED')
  clock.advance(1000)
  assert.is(table.claimLeases(table.create(login('eve')), { ipv4: true, ipv6: false }).ipv4?.address, '192.0.2.2')
})

test('G09 two devices of one user keep their own addresses', () => {
  const { table } = rig()
  const claim = (uniqueId: string): readonly [Session, string | undefined] => {
    const session = table.create(login('bob', { uniqueId }))
    return [session, table.claimLeases(session, BOTH).ipv4?.address]
  }
  const [laptop, laptopAddress] = claim('laptop')
  const [phone, phoneAddress] = claim('phone')
  table.end(laptop.id, 'user')
  table.end(phone.id, 'user')
  assert.is(claim('phone')[1], phoneAddress)
  assert.is(claim('laptop')[1], laptopAddress)
})

test('ten thousand leases of a /16 differ and are found again', () => {
  const { table, opened } = rig()
  const addresses = new Set<string | undefined>()
  opened.store.write(() => {
    for (let at = 0; at < 10_000; at++) addresses.add(table.claimLeases(table.create(login(`u${at}`)), BOTH).ipv4?.address)
  })
  assert.is(addresses.size, 10_000)
  assert.is(table.list().length, 10_000)
})

test.run()
