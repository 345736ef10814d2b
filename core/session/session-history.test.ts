import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TunnelHandle } from '../dataplane.ts'
import { HISTORY_LENGTH } from './session-history.ts'
import { sessionDetailJson } from './session-json.ts'
import { login, rigs } from './testing.ts'

const rig = rigs(test)

test('D01 D15 session show tells in one line each what happened, why the session waits, and until when', async () => {
  const one = rig({ policy: { disconnectedTimeoutSec: 600, idleTimeoutSec: 600 } })
  const session = one.table.create(login())
  const detail = () => sessionDetailJson(session, one.table)
  const start = one.clock.now()
  assert.equal(detail().waits, { why: 'no CONNECT has come after the login', since: new Date(start).toISOString(), until: new Date(start + 300_000).toISOString() })
  await one.connect(session)
  assert.equal([detail().waits, detail().lastEnd, detail().tunnels], [null, null, 1])
  one.clock.advance(10_000)
  one.plane.failTunnel(1 as TunnelHandle, 'dpd')
  await one.plane.settled()
  const at = new Date(start + 10_000).toISOString()
  assert.equal(detail().waits, { why: 'the client did not answer DPD', since: at, until: new Date(start + 610_000).toISOString() })
  assert.equal(detail().lastEnd, { reason: 'dpd', text: 'the client did not answer DPD', at })
  await one.connect(session)
  await one.connect(session)
  assert.equal(detail().tunnels, 3)
  assert.equal(detail().history.map(({ what, reason }) => [what, reason]), [
    ['login', null], ['roamed', null], ['tunnel-up', null], ['tunnel-down', 'dpd'], ['tunnel-up', null], ['tunnel-down', 'superseded'], ['tunnel-up', null],
  ])
})

test('the history is bounded, and moves with the wall clock', async () => {
  const one = rig()
  const session = one.table.create(login())
  for (let round = 0; round < HISTORY_LENGTH; round++) {
    ;(await one.connect(session)).end()
    await one.plane.settled()
  }
  assert.is(session.history.length, HISTORY_LENGTH)
  assert.is(session.history.at(-1)?.what, 'tunnel-down')
  const before = session.history.at(-1)?.at ?? 0
  one.clock.jump(3600_000)
  one.clock.advance(1000)
  assert.is(session.history.at(-1)?.at, before + 3600_000)
  assert.is(session.lastEnd?.at, before + 3600_000)
})

test('D13 after a restart a session says that it waits because the gateway was started again', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  one.kill()
  const again = rig({ directory: one.directory, clock: one.clock })
  const restored = again.table.get(session.id)
  assert.ok(restored)
  assert.is(sessionDetailJson(restored, again.table).waits?.why, 'the gateway was started again')
  assert.equal(restored.history.map(({ what }) => what), ['restored'])
})

test.run()
