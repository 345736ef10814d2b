import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { TAKEOVER_BURST, TAKEOVER_EVERY_MS, Takeovers } from './takeovers.ts'
import { login, rigs, type SessionRig } from './testing.ts'
import type { Session } from './session.ts'

const rig = rigs(test)

/** Whether the CONNECT got its tunnel. */
async function connects(one: SessionRig, session: Session): Promise<boolean> {
  try {
    await one.connect(session)
    return true
  } catch (error) {
    assert.is((error as { code?: string }).code, 'SESSION_CONTESTED')
    return false
  }
}

test('D09 of two clients with one cookie the newer wins, eight times and then every 15 s; the log says so once a minute', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  for (let round = 0; round < TAKEOVER_BURST; round++) assert.ok(await connects(one, session))
  const { tunnels } = session
  for (let round = 0; round < 100; round++) assert.not.ok(await connects(one, session))
  assert.is(session.state, 'tls', 'the tunnel that stands goes on')
  assert.is(session.tunnels, tunnels)
  assert.is(one.plane.stats().tunnelsOpen, 1n)
  const said = () => one.log.lines.filter(({ message }) => message === 'two clients use the cookie of one session')
  assert.is(said().length, 1)
  assert.is(said()[0]?.fields['session'], session.id)
  assert.is(session.history.at(-1)?.what, 'refused')
  let won = 0
  for (let second = 0; second < 600; second++) {
    one.clock.advance(1000)
    if (await connects(one, session)) won++
  }
  assert.is(won, 600_000 / TAKEOVER_EVERY_MS)
  assert.is(said().length, 10)
})

test('a client that comes back to a session without a tunnel is never held up', async () => {
  const one = rig()
  const session = one.table.create(login())
  for (let round = 0; round < 5 * TAKEOVER_BURST; round++) {
    const client = await one.connect(session)
    client.end()
    await one.plane.settled()
  }
  assert.is(session.tunnels, 5 * TAKEOVER_BURST)
})

test('tokens come back one by one, never more than the burst, whatever the clock starts with', () => {
  for (const start of [0, 1e12]) {
    const takeovers = new Takeovers()
    const taken = (now: number): number => {
      let count = 0
      while (takeovers.take(start + now)) count++
      return count
    }
    assert.equal([taken(0), taken(TAKEOVER_EVERY_MS - 1), taken(TAKEOVER_EVERY_MS), taken(2.5 * TAKEOVER_EVERY_MS), taken(3 * TAKEOVER_EVERY_MS)], [TAKEOVER_BURST, 0, 1, 1, 1])
    assert.is(taken(1e9), TAKEOVER_BURST)
  }
})

test('D09 the moment a tunnel starts nothing comes from the old one and nothing goes to it', async () => {
  const one = rig()
  const session = one.table.create(login())
  const first = await one.connect(session)
  const inner = packet('10.20.0.2', '10.20.0.1', 'old')
  const second = await one.startTunnel(session)
  first.take()
  first.write(frame(FRAME.data, inner))
  assert.is(one.plane.injectTun(packet('10.20.0.1', '10.20.0.2', 'new')), 'sent')
  await one.plane.settled()
  assert.equal(one.plane.tun, [], 'from the old')
  assert.equal(first.received().length, 0, 'to the old')
  assert.is(second.frames().length, 1)
  assert.ok(first.ended)
})

test.run()
