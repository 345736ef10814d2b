import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TunnelSpec } from '../dataplane.ts'
import { BUILT_IN_POLICY, POLICY_PROPERTIES } from '../policy/keys.ts'
import type { Policy } from '../policy/policy.ts'
import { changedKeys, TAKES_EFFECT } from '../policy/takes-effect.ts'
import { liveSpec, reconnectKeys } from './live-spec.ts'

const before = BUILT_IN_POLICY
const SPEC: TunnelSpec = { ipv4: '10.20.0.2', mtu: 1400, dpdSec: 30, dpdRetries: 3, keepaliveSec: 20, rekeySec: 0, compression: { cstp: 'lzs' } }
const live = (after: Partial<Policy>, spec = SPEC, mobile = false, from: Partial<Policy> = {}): TunnelSpec => liveSpec({ spec, before: { ...before, ...from }, mobile }, { ...before, ...from, ...after })

test('without a difference the specification is the same', () => {
  assert.equal(live({}), SPEC)
})

test('what needs no word of the client changes at once, what was agreed on stays', () => {
  assert.equal(live({ dpdSec: 10, mobileDpdSec: 11, dpdRetries: 5, keepaliveSec: 7, denyRoaming: true, mtu: 1280, compression: false }), { ...SPEC, dpdSec: 10, dpdRetries: 5, keepaliveSec: 7, roaming: false })
  assert.is(live({}, { ...SPEC, roaming: false }).roaming, undefined)
})

test('a phone has its own DPD, and what was learned of its network stays', () => {
  assert.is(live({ dpdSec: 10, mobileDpdSec: 11 }, SPEC, true).dpdSec, 11)
  assert.equal(live({ keepaliveSec: 9 }, { ...SPEC, dpdSec: 300, learning: true, keepaliveSec: 120 }), { ...SPEC, dpdSec: 300, learning: true, keepaliveSec: 120 })
})

test('keys that the gateway makes by itself follow rekey-time in their spread; the client\'s own wait for a CONNECT', () => {
  const ssl = { rekeyMethod: 'ssl', rekeyTimeSec: 1000 } as const
  assert.is(live({ rekeyTimeSec: 500 }, { ...SPEC, rekeySec: 950 }, false, ssl).rekeySec, 475)
  assert.equal(reconnectKeys({ ...before, ...ssl }, { ...before, ...ssl, rekeyTimeSec: 500 }, { ...SPEC, rekeySec: 950 }), [])
  assert.equal(reconnectKeys(before, { ...before, rekeyTimeSec: 500 }, SPEC), ['rekeyTimeSec'])
})

test('every key says when it takes effect, and only what the client is told waits for a CONNECT', () => {
  for (const key of POLICY_PROPERTIES) assert.ok(['live', 'reconnect', 'login'].includes(TAKES_EFFECT[key]), `${key} is not classified in core/policy/takes-effect.ts`)
  assert.equal(Object.keys(TAKES_EFFECT).sort(), [...POLICY_PROPERTIES].sort())
  assert.equal(reconnectKeys(before, { ...before, dns: ['10.0.0.1'], dpdSec: 1, pool: 'x', banner: 'hello' }, SPEC), ['dns', 'banner'])
})

test('lists are the same by their entries', () => {
  assert.equal(changedKeys(before, { ...before, dns: [], search: ['a.example'] }), ['search'])
})

test.run()
