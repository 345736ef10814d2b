import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TunnelHandle } from '../dataplane.ts'
import { FRAME } from '../../native/fake.ts'
import { login, rigs, type SessionRig } from './testing.ts'

const rig = rigs(test)

/** The client's payload by the rig's clock; counts how often a tunnel was asked. */
function payload(one: SessionRig) {
  const started = new Map<TunnelHandle, number>()
  const sent = new Map<TunnelHandle, number>()
  const ask = one.plane.tunnelCounters.bind(one.plane)
  const state = {
    asked: 0,
    send: (tunnel: number) => void sent.set(tunnel as TunnelHandle, one.clock.monotonic()),
    of: (tunnel: TunnelHandle) => {
      const at = sent.get(tunnel)
      return { rxPackets: at === undefined ? 0n : 1n, inactiveMs: BigInt(one.clock.monotonic() - (at ?? started.get(tunnel) ?? 0)) }
    },
  }
  one.plane.tunnelCounters = (tunnel) => {
    state.asked++
    const counters = ask(tunnel)
    return counters && { ...counters, ...state.of(tunnel) }
  }
  const up = one.table.reports.tunnelUp.bind(one.table.reports)
  one.table.reports.tunnelUp = (tunnel) => {
    started.set(tunnel, one.clock.monotonic())
    up(tunnel)
  }
  const down = one.table.reports.tunnelDown.bind(one.table.reports)
  one.table.reports.tunnelDown = (tunnel, last) => down(tunnel, { ...last, counters: { ...last.counters, ...state.of(tunnel) } })
  return state
}

test('D04 a client without payload for inactivity-timeout is told and its session ends; one that sends goes on', async () => {
  const one = rig({ policy: { inactivityTimeoutSec: 600 } })
  const line = payload(one)
  const [quiet, busy] = [one.table.create(login('quiet')), one.table.create(login('busy'))]
  const client = await one.connect(quiet)
  await one.connect(busy)
  one.clock.advance(300_000)
  line.send(2)
  one.clock.advance(299_000)
  assert.is(one.table.list().length, 2)
  one.clock.advance(2000)
  assert.equal(one.table.list(), [busy])
  const [goodbye] = client.frames()
  assert.is(goodbye?.type, FRAME.disconnect)
  assert.match(goodbye?.payload.toString() ?? '', /nothing was sent for too long/)
  assert.is(one.told.at(-1), 'ended quiet inactivity-timeout')
  one.clock.advance(298_000)
  assert.equal(one.table.list(), [busy])
  one.clock.advance(2000)
  assert.equal(one.table.list(), [])
})

test('D04 a quiet but connected client is never idle: without inactivity-timeout nothing ends it', async () => {
  const one = rig({ policy: { idleTimeoutSec: 60, disconnectedTimeoutSec: 60 } })
  payload(one)
  const session = one.table.create(login())
  await one.connect(session)
  one.clock.advance(30 * 86_400_000)
  assert.is(session.state, 'tls')
})

test('D04 inactivity goes on over tunnels that carry nothing; time without a tunnel does not count', async () => {
  const one = rig({ policy: { inactivityTimeoutSec: 600, disconnectedTimeoutSec: 0, idleTimeoutSec: 0 } })
  payload(one)
  const session = one.table.create(login())
  const first = await one.connect(session)
  one.clock.advance(300_000)
  first.end()
  await one.plane.settled()
  one.clock.advance(3600_000)
  assert.ok(one.table.get(session.id), 'asleep is not inactive')
  await one.connect(session)
  one.clock.advance(150_000)
  // A rekey: the newer tunnel pushes the older out.
  await one.connect(session)
  one.clock.advance(148_000)
  assert.ok(one.table.get(session.id))
  one.clock.advance(3000)
  assert.is(one.told.at(-1), 'ended bob inactivity-timeout')
})

test('D14 three hundred tunnels are asked for their payload about once in the timeout, not once a second', async () => {
  const one = rig({ policy: { inactivityTimeoutSec: 1800, sessionTimeoutSec: 0 } })
  const line = payload(one)
  const sessions = Array.from({ length: 300 }, (_, at) => one.table.create(login(`u${at}`)))
  for (const session of sessions) await one.startTunnel(session)
  await one.plane.settled()
  for (let tunnel = 1; tunnel <= 300; tunnel++) line.send(tunnel)
  one.clock.advance(10_000)
  for (let tunnel = 1; tunnel <= 300; tunnel++) line.send(tunnel)
  line.asked = 0
  one.clock.advance(1795_000)
  // Each row's counters are looked at once a minute besides: for the store.
  assert.ok(line.asked <= 300 + 30 * 300, `${line.asked}`)
  assert.is(one.table.list().length, 300)
  one.clock.advance(10_000)
  assert.is(one.table.list().length, 0)
})

test.run()
