// test: limit=240
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { frame, FRAME, packet, type FakeClient } from '../../native/fake.ts'
import { GatewayError } from '../errors.ts'
import type { TunnelHandle } from '../dataplane.ts'
import { HISTORY_LENGTH } from './session-history.ts'
import type { Session } from './session.ts'
import { login, SessionRig } from './testing.ts'

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), user: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'bye' as const, 'pause' as const, 'send' as const, 'end' as const, 'login' as const, 'dpd' as const), user: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), user: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), user: fc.integer({ min: -400, max: 400 }) }) },
)
const TIMEOUT_SEC = 300

test('D01 D09 G09 whatever clients and clocks do: one tunnel and one lease of each family a session, no address twice, counters only grow, nothing is told of an ended session', async () => {
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
    const rig = new SessionRig({
      pool: { ipv4: '10.20.0.0/29' },
      policy: { disconnectedTimeoutSec: TIMEOUT_SEC, idleTimeoutSec: TIMEOUT_SEC, inactivityTimeoutSec: TIMEOUT_SEC, sessionTimeoutSec: 3 * TIMEOUT_SEC, maxSessions: 3 },
    })
    const sessions = new Map<number, Session>()
    const clients = new Map<string, FakeClient>()
    const seen = new Map<string, { readonly rxPackets: bigint; readonly tunnels: number }>()
    for (const { do: what, user } of actions) {
      if (what === 'pass') rig.clock.advance(user * 1000)
      else if (what === 'jump') rig.clock.jump(user * 86_400_000)
      else if (what === 'connect' || what === 'login') {
        const old = sessions.get(user)
        try {
          const session = what === 'connect' && old && rig.table.get(old.id) ? old : rig.table.create(login(`u${user}`))
          sessions.set(user, session)
          if (what === 'connect') clients.set(session.id, await rig.startTunnel(session))
        } catch (error) {
          if (!(error instanceof GatewayError && ['POOL_EXHAUSTED', 'SESSION_CONTESTED', 'SESSION_LIMIT'].includes(error.code))) throw error
        }
      } else {
        const session = sessions.get(user)
        const client = session && clients.get(session.id)
        if (!session || !client) continue
        if (what === 'cut') client.end()
        if (what === 'bye') client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))
        if (what === 'pause') client.write(frame(FRAME.disconnect, Buffer.from([0xd1])))
        if (what === 'send') client.write(frame(FRAME.data, packet(session.leases.ipv4?.address ?? '', '10.20.0.1', 'x')))
        if (what === 'end') rig.table.end(session.id, 'admin')
        if (what === 'dpd') rig.plane.failTunnel(Number(rig.plane.stats().promoted) as TunnelHandle, 'dpd')
      }
      if (what !== 'connect') await rig.plane.settled()
      const list = rig.table.list()
      const addresses = list.flatMap(({ leases }) => [leases.ipv4?.address, leases.ipv6?.address]).filter((address) => address !== undefined)
      assert.is(new Set(addresses).size, addresses.length)
      for (const session of list) {
        const { rxPackets } = rig.table.counters(session)
        const before = seen.get(session.id)
        assert.ok(rxPackets >= (before?.rxPackets ?? 0n) && session.tunnels >= (before?.tunnels ?? 0))
        seen.set(session.id, { rxPackets, tunnels: session.tunnels })
        assert.ok(session.history.length <= HISTORY_LENGTH)
        assert.is(session.idleSince === undefined, session.state !== 'waiting')
        assert.ok(session.state === 'waiting' || session.waitsUntil === undefined)
        assert.ok(session.lastEnd === undefined || session.tunnels > 0)
      }
    }
    await rig.plane.settled()
    const live = rig.table.list().filter(({ state }) => state === 'tls')
    assert.is(rig.plane.stats().tunnelsOpen, BigInt(live.length))
    rig.clock.advance(1000)
    const rows = rig.opened.store.read((db) => db.prepare('SELECT id FROM core_session ORDER BY id').pluck().all())
    assert.equal(rows, rig.table.list().map(({ id }) => id).sort())
    const held = rig.opened.store.read((db) => db.prepare('SELECT session, count(*) AS n FROM core_lease WHERE session IS NOT NULL GROUP BY session').all() as { session: string; n: number }[])
    for (const { session, n } of held) {
      assert.ok(rig.table.get(session))
      assert.is(n, 2)
    }
    toldInOrder(rig.told)
    for (const { id } of rig.table.list()) rig.table.end(id, 'admin')
    await rig.plane.settled()
    const told = rig.told.length
    rig.clock.advance(4 * TIMEOUT_SEC * 1000)
    assert.is(rig.told.length, told, 'no timer outlives its session')
    assert.is(rig.clock.pending, 1)
    rig.stop()
  }), { numRuns: 60 })
})

/** As many ends as begins at most, of tunnels and of sessions, at any time. */
function toldInOrder(told: readonly string[]): void {
  const open = new Map<string, number>()
  const count = (key: string, by: number): void => {
    const now = (open.get(key) ?? 0) + by
    assert.ok(now >= 0, key)
    open.set(key, now)
  }
  for (const line of told) {
    const [what = '', user = ''] = line.split(' ')
    if (what === 'created') count(`session ${user}`, 1)
    if (what === 'ended') count(`session ${user}`, -1)
    if (what === 'up') count(`tunnel ${user}`, 1)
    if (what === 'down') count(`tunnel ${user}`, -1)
    if (what === 'up' || what === 'ending') assert.ok((open.get(`session ${user}`) ?? 0) > 0, line)
  }
}

test.run()
