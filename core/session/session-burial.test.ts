import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME } from '../../native/fake.ts'
import { codeOf } from '../testing.ts'
import type { Session } from './session.ts'
import { BOTH, login, rigs, SessionRig } from './testing.ts'

const rig = rigs(test)
const sql = (one: SessionRig, text: string): unknown[] => one.opened.store.read((db) => db.prepare(text).pluck().all())
const rows = (one: SessionRig): unknown[] => sql(one, 'SELECT user FROM core_session ORDER BY user')

/** A session whose client says BYE. */
async function quit(one: SessionRig, user: string): Promise<Session> {
  const session = one.table.create(login(user))
  const client = await one.connect(session)
  client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))
  await one.plane.settled()
  assert.is(one.table.get(session.id), undefined)
  return session
}

test('a session that its user quit leaves the store within a second, its lease goes into quarantine', async () => {
  const one = rig()
  await quit(one, 'bob')
  one.clock.advance(1000)
  assert.equal(rows(one), [])
  assert.equal(sql(one, 'SELECT count(*) FROM core_lease WHERE session IS NULL AND free_at IS NOT NULL'), [2])
})

test('the next claim of leases takes it along', async () => {
  const one = rig()
  await quit(one, 'bob')
  one.table.claimLeases(one.table.create(login('eve')), BOTH)
  assert.equal(rows(one), ['eve'])
})

test('a device that quit has its addresses again at once', async () => {
  const one = rig()
  const { leases } = await quit(one, 'bob')
  assert.equal(one.table.claimLeases(one.table.create(login('bob')), BOTH), leases)
})

test('an end that somebody asked for does not wait, and takes those along that do', async () => {
  const one = rig()
  await quit(one, 'bob')
  const eve = one.table.create(login('eve'))
  one.table.end(eve.id, 'admin')
  assert.equal(rows(one), [])
})

test('an ordered stop forgets no end', async () => {
  const one = new SessionRig()
  const { id } = await quit(one, 'bob')
  one.stop()
  const again = rig({ directory: one.directory })
  assert.equal([again.table.get(id), rows(again)], [undefined, []])
})

test('a claim that the store refuses claims nothing and loses no end', async () => {
  const one = rig({ pool: { ipv4: '192.0.2.0/29', ipv6: undefined } })
  await quit(one, 'bob')
  one.opened.store.write((db) => db.exec("CREATE TEMP TRIGGER full BEFORE INSERT ON core_lease BEGIN SELECT RAISE(ABORT, 'full'); END"))
  const eve = one.table.create(login('eve'))
  for (let at = 0; at < 10; at++) assert.is(codeOf(() => one.table.claimLeases(eve, BOTH)), 'STORE')
  assert.equal(rows(one), ['bob', 'eve'])
  one.opened.store.write((db) => db.exec('DROP TRIGGER full'))
  assert.ok(one.table.claimLeases(eve, BOTH).ipv4)
  assert.equal(rows(one), ['eve'])
})

test.run()
