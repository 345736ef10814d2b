// test: limit=240
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import { frame, FRAME, packet, type FakeClient } from '../../native/fake.ts'
import { GatewayError } from '../errors.ts'
import type { Session } from './session.ts'
import { login, SessionRig } from './testing.ts'

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('connect' as const), user: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'bye' as const, 'send' as const, 'end' as const), user: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), user: fc.integer({ min: 1, max: 400 }) }) },
)

test('D09 G09 whatever clients do: one tunnel and one lease of each family a session, no address twice, counters only grow', async () => {
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
    const rig = new SessionRig({ pool: { ipv4: '10.20.0.0/29' }, policy: { disconnectedTimeoutSec: 300, idleTimeoutSec: 300 } })
    const sessions = new Map<number, Session>()
    const clients = new Map<string, FakeClient>()
    const seen = new Map<string, bigint>()
    for (const { do: what, user } of actions) {
      if (what === 'pass') rig.clock.advance(user * 1000)
      else if (what === 'connect') {
        const old = sessions.get(user)
        const session = old && rig.table.get(old.id) ? old : rig.table.create(login(`u${user}`))
        sessions.set(user, session)
        try {
          clients.set(session.id, await rig.startTunnel(session))
        } catch (error) {
          if (!(error instanceof GatewayError && error.code === 'POOL_EXHAUSTED')) throw error
        }
      } else {
        const session = sessions.get(user)
        const client = session && clients.get(session.id)
        if (!session || !client) continue
        if (what === 'cut') client.end()
        if (what === 'bye') client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))
        if (what === 'send') client.write(frame(FRAME.data, packet(session.leases.ipv4?.address ?? '', '10.20.0.1', 'x')))
        if (what === 'end') rig.table.end(session.id, 'admin')
      }
      if (what !== 'connect') await rig.plane.settled()
      const list = rig.table.list()
      const addresses = list.flatMap(({ leases }) => [leases.ipv4?.address, leases.ipv6?.address]).filter((address) => address !== undefined)
      assert.is(new Set(addresses).size, addresses.length)
      for (const session of list) {
        const { rxPackets } = rig.table.counters(session)
        assert.ok(rxPackets >= (seen.get(session.id) ?? 0n))
        seen.set(session.id, rxPackets)
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
    rig.stop()
  }), { numRuns: 60 })
})

test.run()
