import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig } from '../config/load.ts'
import { BUILT_IN_POLICY, POLICY_PROPERTIES } from './keys.ts'
import { POLICY_LISTS, resolveLayers } from './layers.ts'
import { createPolicies } from './policies.ts'
import type { PolicyLayer, PolicyListKey } from './policy.ts'
import { writtenEntry, writtenValues } from './written-value.ts'

/** Deterministic: the failing seed is in the message. */
function randomLayers(seed: number): readonly PolicyLayer[] {
  let state = seed
  const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  return Array.from({ length: Math.floor(next() * 6) }, (_, at): PolicyLayer => {
    const values: Record<string, unknown> = {}
    const append: Record<string, unknown> = {}
    for (const key of POLICY_PROPERTIES) {
      const dice = next()
      const list = [...new Set([`${Math.floor(next() * 5)}`, `${Math.floor(next() * 5)}`])]
      if (dice < 0.2) values[key] = POLICY_LISTS.includes(key as PolicyListKey) ? list : `value of ${at}`
      else if (dice < 0.4 && POLICY_LISTS.includes(key as PolicyListKey)) append[key] = list
    }
    return { origin: `layer ${at}`, values: { ...values, append } }
  })
}

test('for random layers the winner is the first that has the key, and what is above it appends, the lowest first', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const layers = randomLayers(seed)
    const { values, origins } = resolveLayers(layers)
    for (const key of POLICY_PROPERTIES) {
      const winner = layers.findIndex((layer) => layer.values[key] !== undefined)
      const above = (winner < 0 ? layers : layers.slice(0, winner)).filter((layer) => layer.values.append?.[key as PolicyListKey])
      const base: unknown = layers[winner]?.values[key] ?? BUILT_IN_POLICY[key]
      const expected = above.length === 0 ? base : [...new Set([...(base as string[]), ...[...above].reverse().flatMap((layer) => layer.values.append?.[key as PolicyListKey] ?? [])])]
      assert.equal(values[key], expected, `seed ${seed}, ${key}`)
      const names = [...(winner >= 0 ? [`layer ${winner}`] : above.length > 0 ? [] : ['built-in']), ...[...above].reverse().map(({ origin }) => origin)]
      assert.is(origins[key], names.join(' + '), `seed ${seed}, ${key}`)
    }
  }
})

test('G09 a rate is not more than the lowest that any layer has it at most; without a limit it is that; the origin says so', () => {
  const bounds: readonly PolicyLayer[] = [{ origin: 'quota', values: {}, atMost: { userRateUp: 500, userRateDown: 700 } }, { origin: 'other', values: {}, atMost: { userRateDown: 600 } }]
  const of = (values: PolicyLayer['values']): unknown => (({ values: { userRateUp, userRateDown }, origins }) => [userRateUp, origins.userRateUp, userRateDown, origins.userRateDown])(resolveLayers([...bounds, { origin: 'user bob', values }]))
  assert.equal(of({ userRateUp: 400, userRateDown: 601 }), [400, 'user bob', 600, 'other'])
  assert.equal(of({ userRateUp: 0 }), [500, 'quota', 600, 'other'])
})

const { core } = checkConfig(Buffer.from(`
[policy]
search = ["a.example"]
[group.first.policy]
search = { append = ["b.example", "A.example"] }
mtu = 1300
[group.second.policy]
dns = { append = ["10.0.0.2"] }
search = { append = ["c.example"] }
mtu = 1290
dpd = "7s"
[group.third.policy]
dpd = "9s"
`), '/x.toml', [])

test('a list that is appended in the file goes behind the one below, without duplicates, and both origins are told', () => {
  const { values, origins } = createPolicies(core, () => []).resolve({ user: 'bob', group: 'first' })
  assert.equal([values.search, origins.search], [['a.example', 'b.example'], '[policy] + group first'])
})

test('the group of the session comes first, then the user\'s others in their order', () => {
  const source = { layer: () => undefined, groups: () => ['third', 'second', 'first', 'gone'] }
  const { values, origins } = createPolicies(core, () => [source]).resolve({ user: 'bob', group: 'first' })
  assert.equal([values.mtu, origins.mtu], [1300, 'group first'])
  assert.equal([values.dpdSec, origins.dpdSec], [9, 'group third'])
  assert.equal([values.search, origins.search], [['a.example', 'c.example', 'b.example'], '[policy] + group second + group first'])
  assert.equal([values.dns, origins.dns], [['10.0.0.2'], 'group second'])
  const told = createPolicies(core, () => []).resolve({ user: 'eve', group: 'first', groups: ['first', 'second', 'third'] })
  assert.is(told.origins.dpdSec, 'group second')
})

test('what cannot be appended is refused where it stands', () => {
  const refusal = (text: string): string => {
    try {
      checkConfig(Buffer.from(text), '/x.toml', [])
      return 'accepted'
    } catch (error) {
      return (error as Error).message
    }
  }
  assert.match(refusal('[policy]\nmtu = { append = [1] }\n'), /x\.toml:2:7: policy\.mtu: must be/)
  assert.match(refusal('[policy]\ndns = { append = ["no"] }\n'), /x\.toml:2:\d+: policy\.dns\.append\[0\]: "no" is not an IPv4 or IPv6 address/)
  assert.match(refusal('[policy]\ndns = { apend = ["10.0.0.1"] }\n'), /did you mean "append"/)
})

test('a layer is written as it was read', () => {
  const written = writtenValues(core.groups.get('second')?.policy ?? {})
  assert.equal(Object.entries(written).map(([key, value]) => writtenEntry(key, value)), ['dns = { append = ["10.0.0.2"] }', 'search = { append = ["c.example"] }', 'dpd = "7s"', 'mtu = 1290'])
})

test.run()
