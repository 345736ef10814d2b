import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TunnelHandle } from '../dataplane.ts'
import { sessionDetailJson } from './session-json.ts'
import { login, rigs } from './testing.ts'

const rig = rigs(test)

test('D12 the MTU in force: told by the tunnel, lowered and raised by its path, gone with it', async () => {
  const one = rig()
  const session = one.table.create(login())
  const shown = (): number | null => sessionDetailJson(session, one.table).mtu
  assert.is(shown(), null)
  const client = await one.connect(session)
  assert.is(shown(), 1400)
  one.table.reports.pathMtu(1 as TunnelHandle, 1280)
  assert.is(shown(), 1280)
  one.table.reports.pathMtu(1 as TunnelHandle, 1400)
  assert.is(shown(), 1400)
  assert.equal(one.log.lines.filter(({ message }) => message === 'path mtu').map(({ fields }) => fields), [
    { session: session.id, user: 'bob', mtu: 1280 },
    { session: session.id, user: 'bob', mtu: 1400 },
  ])
  client.end()
  await one.plane.settled()
  assert.is(shown(), null)
})

test('D12 what is told of a tunnel that has been replaced, or of none, changes nothing', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  await one.connect(session)
  one.table.reports.pathMtu(1 as TunnelHandle, 600)
  one.table.reports.pathMtu(99 as TunnelHandle, 600)
  assert.is(session.mtu, 1400)
})

test.run()
