import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { codeOf } from '../testing.ts'
import { BOTH, login, refusal, rigs, SessionRig } from './testing.ts'

const rig = rigs(test)

/** From now on the disk takes nothing; logins fill what the database has left. */
function fill(one: SessionRig): void {
  one.opened.store.read((db) => db.pragma(`max_page_count = ${String(db.pragma('page_count', { simple: true }))}`))
  for (let at = 0; codeOf(() => one.table.create(login(`filler${at}`))) !== 'STORE_FULL'; at++) assert.ok(at < 1000)
}
const empty = (one: SessionRig): unknown => one.opened.store.read((db) => db.pragma('max_page_count = 1000000'))
const codes = (one: SessionRig): readonly string[] => one.health.list().map(({ code }) => code)

test('a disk that fills up: live tunnels stay, clients come back with their cookies, logins are refused, health says so', async () => {
  const one = rig()
  const [live, away] = [one.table.create(login('live')), one.table.create(login('away'))]
  const cookie = one.table.cookie(away)
  const client = await one.connect(live)
  ;(await one.connect(away)).end()
  await one.plane.settled()
  fill(one)
  assert.equal(codes(one), ['STORE_FULL'])
  for (let round = 0; round < 5; round++) assert.is(codeOf(() => one.table.create(login('new'))), 'STORE_FULL')
  const { length } = one.table.list()
  one.clock.advance(120_000)
  assert.is(live.state, 'tls')
  client.write(frame(FRAME.data, packet(live.leases.ipv4?.address ?? '', '10.20.0.1', 'x')))
  assert.is(one.table.counters(live).rxPackets, 1n)
  assert.is(refusal(one, cookie), 'session of away')
  one.table.followStrapKey(away, new Uint8Array(91))
  assert.is(away.strapKeys?.length, 1, 'a client that has changed its key is not locked out')
  await one.connect(away)
  assert.is(away.state, 'tls')
  assert.is(one.table.list().length, length, 'no refused login left anything')
})

test('a disk that fills up: who quits is gone, and no address of a claim that failed is lost; with room all is as it should be', async () => {
  const one = new SessionRig({ pool: { ipv4: '192.0.2.0/29', ipv6: undefined } })
  const [quits, claims] = [one.table.create(login('quits')), one.table.create(login('claims'))]
  const cookie = one.table.cookie(quits)
  const client = await one.connect(quits)
  fill(one)
  // Nothing of a burial or a claim gets through.
  one.opened.store.read((db) => db.pragma('query_only = ON'))
  client.write(frame(FRAME.disconnect, Buffer.of(0xb0)))
  await one.plane.settled()
  assert.is(refusal(one, cookie), 'terminated')
  for (let round = 0; round < 10; round++) assert.match(codeOf(() => one.table.claimLeases(claims, BOTH)), /^STORE/)
  one.clock.advance(60_000)
  assert.ok(codes(one).length > 0)
  one.opened.store.read((db) => db.pragma('query_only = OFF'))
  empty(one)
  one.clock.advance(1000)
  assert.equal(codes(one), [], 'by itself')
  assert.match(one.audit.list(1)[0]?.detail ?? '', /^user: the user quit; 1 tunnels/)
  assert.ok(one.table.claimLeases(claims, BOTH).ipv4)
  one.table.create(login('new'))
  one.kill()
  const again = rig({ directory: one.directory, clock: one.clock, pool: { ipv4: '192.0.2.0/29', ipv6: undefined } })
  assert.is(again.table.get(quits.id), undefined)
  assert.equal(again.table.get(claims.id)?.leases, claims.leases)
})

test.run()
