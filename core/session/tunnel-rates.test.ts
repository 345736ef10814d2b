import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TunnelHandle } from '../dataplane.ts'
import { login, rigs } from './testing.ts'

const test = suite('tunnel rates')
const rig = rigs(test)
const tunnel = (number: number): TunnelHandle => number as TunnelHandle

test('a tunnel gets the rates of its session, and shares those of its user and group', async () => {
  const one = rig({ policy: { rateUp: 100, rateDown: 200, userRateUp: 300, groupRateDown: 400 } })
  for (const user of ['bob', 'Bob', 'eve']) await one.connect(one.table.create(login(user)))
  const [first, second, third] = [1, 2, 3].map((number) => one.plane.tunnelSpec(tunnel(number)))
  assert.equal([first?.rateUp, first?.rateDown], [100, 200])
  assert.equal(first?.shares?.map(({ rateUp, rateDown }) => [rateUp, rateDown]), [[300, 0], [0, 400]])
  assert.equal(second?.shares, first?.shares, 'one user in any case of the name')
  assert.is(third?.shares?.[1]?.id, first?.shares?.[1]?.id, 'one group')
  assert.is.not(third?.shares?.[0]?.id, first?.shares?.[0]?.id)
})

test('without a rate a tunnel has nothing of it; a changed policy changes the rates of tunnels that stand, and takes them away', async () => {
  const one = rig()
  await one.connect(one.table.create(login()))
  const of = (): unknown[] => {
    const spec: Record<string, unknown> = { ...one.plane.tunnelSpec(tunnel(1)) }
    return ['rateUp', 'rateDown', 'shares'].map((key) => (key in spec ? spec[key] : 'absent'))
  }
  assert.equal(of(), ['absent', 'absent', 'absent'])
  one.configure({ rateDown: 1000, userRateDown: 2000 })
  one.table.renewPolicies()
  assert.equal(of(), ['absent', 1000, [{ id: 1, rateUp: 0, rateDown: 2000 }]])
  one.configure({ rateDown: 0, userRateDown: 0 })
  one.table.renewPolicies()
  assert.equal(of(), ['absent', 'absent', 'absent'])
})

test.run()
