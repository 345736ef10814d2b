import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FRAME } from '../../native/fake.ts'
import type { DtlsOffer, TunnelHandle } from '../dataplane.ts'
import { outerNetwork } from './keepalive-book.ts'
import { sessionDetailJson } from './session-json.ts'
import type { Session } from './session.ts'
import { login, rigs, type RigOptions, type SessionRig } from './testing.ts'

const rig = rigs(test)
const ID = Buffer.alloc(32, 7)
const SECRET = Buffer.alloc(48, 0xab)
const PSK: DtlsOffer = { mode: 'psk', id: ID, ciphers: ['PSK-AES256-GCM-SHA384'], helloVerify: true }
const resumed = (): DtlsOffer => ({ mode: 'resumed', id: ID, masterSecret: Buffer.from(SECRET), ciphers: ['ECDHE-RSA-AES256-GCM-SHA384'], helloVerify: false })
const ADDRESS = '192.0.2.1'
const NETWORK = '192.0.2.0/24'
const FIRST = 1 as TunnelHandle

/** A phone's session whose tunnel learns. */
async function learning(options: RigOptions = {}, offer: DtlsOffer = PSK): Promise<{ one: SessionRig; session: Session; tell: (sec: number, survived: boolean) => Promise<void>; interval: () => number | undefined }> {
  const one = rig(options)
  const session = one.table.create(login('bob', { mobile: true }))
  await one.connect(session, offer, { learning: true, dtlsDpdSec: one.table.keepalive(session, ADDRESS)?.probeSec ?? 0, dtlsKeepaliveSec: 0 })
  return {
    one, session,
    tell: async (sec, survived) => {
      one.plane.tell(FIRST, { silence: [sec, survived] })
      await one.plane.settled()
    },
    interval: () => one.plane.tunnelSpec(FIRST)?.dtlsDpdSec,
  }
}

test('D06 what the silences of a session show decides its next interval, and is shown', async () => {
  const { one, session, tell, interval } = await learning()
  const shown = () => sessionDetailJson(session, one.table).keepalive
  assert.equal(shown(), { seconds: 20, network: NETWORK, settled: false })
  await tell(20, true)
  assert.is(interval(), 30)
  await tell(30, true)
  assert.is(interval(), 45)
  await tell(45, false)
  assert.is(interval(), 27)
  assert.equal(shown(), { seconds: 27, network: NETWORK, settled: true })
  const { mtu, learning: still, dtlsKeepaliveSec, dtls } = one.plane.tunnelSpec(FIRST) ?? {}
  assert.equal([mtu, still, dtlsKeepaliveSec, dtls?.id], [1400, true, 0, ID], 'nothing else has changed')
})

test('a resumed session keeps its channel and its master secret through a change of interval', async () => {
  const { one, session, tell, interval } = await learning({}, resumed())
  const channel = one.plane.connectDtls({ id: ID, key: SECRET })
  channel?.write(FRAME.keepalive)
  await tell(20, true)
  assert.is(interval(), 30)
  assert.is(session.state, 'dtls')
  assert.not.ok(channel?.closed)
  assert.ok(one.plane.connectDtls({ id: ID, key: SECRET }))
})

test('another session behind the same NAT begins with what is known; the told values let the gateway speak first', async () => {
  const { one, tell } = await learning()
  const other = one.table.create(login('eve', { mobile: true }))
  const plan = (address: string) => one.table.keepalive(other, address)
  assert.equal(plan('192.0.2.250'), { network: NETWORK, probeSec: 20, settled: false, tellSec: 312, tlsSec: 120 })
  for (const [sec, survived] of [[20, true], [30, true], [45, false]] as const) await tell(sec, survived)
  assert.equal(plan('192.0.2.250'), { network: NETWORK, probeSec: 27, settled: true, tellSec: 312, tlsSec: 120 })
  assert.is(plan('192.0.3.250')?.probeSec, 20)
})

test('a client that moves to another network goes by what is known there', async () => {
  const { one, session, tell, interval } = await learning()
  await tell(20, true)
  one.plane.tell(FIRST, { roamed: { address: '2001:db8:1:2::9', port: 4000 } })
  await one.plane.settled()
  assert.is(interval(), 20)
  assert.is(sessionDetailJson(session, one.table).keepalive.network, '2001:db8:1::/48')
})

test('lessons survive a restart, also one by kill', async () => {
  const { one, tell } = await learning()
  for (const [sec, survived] of [[20, true], [30, true], [45, false]] as const) await tell(sec, survived)
  one.clock.advance(601_000)
  one.kill()
  const again = rig({ directory: one.directory, clock: one.clock })
  const [session] = again.table.list()
  assert.ok(session)
  assert.is(again.table.keepalive(session, ADDRESS)?.probeSec, 27)
})

test('a store that refuses loses no lesson', async () => {
  const { one, tell } = await learning()
  await tell(20, true)
  const refuse = one.opened.store.write
  one.opened.store.write = () => { throw new Error('disk full') }
  one.clock.advance(601_000)
  one.opened.store.write = refuse
  one.clock.advance(601_000)
  assert.is(one.opened.store.read((db) => db.prepare('SELECT survived_sec FROM core_keepalive WHERE network = ?').pluck().get(NETWORK)), 20)
})

test('nothing is learned where the policy has no keepalive or no DPD, or says so', () => {
  for (const policy of [{ learnKeepalive: false }, { keepaliveSec: 0 }, { mobileDpdSec: 0 }]) {
    const one = rig({ policy })
    assert.is(one.table.keepalive(one.table.create(login()), ADDRESS), undefined, JSON.stringify(policy))
  }
  const one = rig({ policy: { keepaliveSec: 600 } })
  assert.equal(one.table.keepalive(one.table.create(login()), ADDRESS)?.probeSec, 300, 'never beyond mobile-dpd')
})

test('a session that does not learn is left alone', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session, PSK)
  one.plane.tell(FIRST, { silence: [20, true] })
  await one.plane.settled()
  assert.is(one.plane.tunnelSpec(FIRST)?.dtlsDpdSec, undefined)
  assert.equal(sessionDetailJson(session, one.table).keepalive, { seconds: 20, network: null, settled: null })
})

test('the outer network of an address', () => {
  assert.is(outerNetwork('198.51.100.7'), '198.51.100.0/24')
  assert.is(outerNetwork('::ffff:198.51.100.7'), '198.51.100.0/24')
  assert.is(outerNetwork('2001:db8:1:2::3'), '2001:db8:1::/48')
  assert.is(outerNetwork('nowhere'), undefined)
})

test.run()
