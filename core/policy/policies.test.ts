import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig } from '../config/load.ts'
import type { PolicySource } from '../slots.ts'
import { BUILT_IN_POLICY, POLICY_KEYS, POLICY_PROPERTIES, PolicySchema } from './keys.ts'
import { createPolicies } from './policies.ts'
import { isTrafficRule } from './traffic-rule.ts'
import { writtenValue } from './written-value.ts'

const { core } = checkConfig(Buffer.from(`
[policy]
mtu = 1300
dpd = "10s"
keepalive = "5s"
banner = "hello"
dns = ["10.0.0.1", "10.0.0.2"]
[group.staff.policy]
mtu = 1280
dns = ["10.9.9.9"]
banner = ""
[group.guests]
`), '/x.toml', [])

const bob: PolicySource = { layer: (user) => (user === 'bob' ? { origin: 'user bob', values: { dpdSec: 5, keepaliveSec: undefined } } : undefined), groups: (user) => (user === 'bob' ? ['staff', 'guests'] : undefined) }

test('each key comes from the highest layer that has it, and remembers which', () => {
  const { values, origins } = createPolicies(core, () => [bob]).resolve({
    user: 'bob', group: 'staff', attributes: { origin: 'radius 10.0.0.5', values: { mtu: 9000, keepaliveSec: 7, sessionTimeoutSec: 60 } },
  })
  assert.equal([values.dpdSec, origins.dpdSec], [5, 'user bob'])
  assert.equal([values.mtu, origins.mtu], [1280, 'group staff'])
  assert.equal([values.keepaliveSec, origins.keepaliveSec], [7, 'radius 10.0.0.5'])
  assert.equal([values.sessionTimeoutSec, origins.sessionTimeoutSec], [60, 'radius 10.0.0.5'])
  assert.equal([values.rekeyTimeSec, origins.rekeyTimeSec], [43_200, 'built-in'])
})

test('a list replaces the list below, and an empty value is a value', () => {
  const { values, origins } = createPolicies(core, () => []).resolve({ user: 'eve', group: 'staff' })
  assert.equal(values.dns, ['10.9.9.9'])
  assert.equal([values.banner, origins.banner], ['', 'group staff'])
  assert.equal([values.dpdSec, origins.dpdSec], [10, '[policy]'])
})

test('who has nothing of their own shares one value with the group, and nobody else does', () => {
  const policies = createPolicies(core, () => [bob])
  const eve = policies.resolve({ user: 'eve', group: 'staff' })
  assert.is(policies.resolve({ user: 'mallory', group: 'staff' }), eve)
  assert.is(policies.resolve({ user: 'bob', group: 'staff' }).values.dpdSec, 5)
  assert.is(policies.resolve({ user: 'eve', group: 'staff', attributes: { origin: 'radius', values: { dpdSec: 7 } } }).values.dpdSec, 7)
  assert.is(policies.resolve({ user: 'eve', group: 'staff' }), eve)
  assert.is(eve.values.dpdSec, 10)
  assert.is(policies.resolve({ user: 'eve', group: 'guests' }).values.mtu, 1300)
})
test('a group without values and a group that is not there both fall through', () => {
  for (const group of ['guests', 'gone']) assert.is(createPolicies(core, () => []).resolve({ user: 'eve', group }).origins.mtu, '[policy]')
})

test('G04 a host gives a layer of its own between group and [policy], for who logged in there alone', () => {
  const { core } = checkConfig(Buffer.from(`
[gateway]
groups = ["staff"]
[policy]
mtu = 1300
banner = "all"
[group.staff.policy]
dns = ["10.9.9.9"]
[host."vpn2.example.com".policy]
banner = "branch"
dns = ["10.8.8.8"]
[host.plain]
`), '/x.toml', [])
  const policies = createPolicies(core, () => [])
  const at = (host?: string) => {
    const { values, origins } = policies.resolve({ user: 'eve', group: 'staff', host })
    return [values.banner, origins.banner, values.dns[0], origins.dns, origins.mtu]
  }
  assert.equal(at(), ['all', '[policy]', '10.9.9.9', 'group staff', '[policy]'])
  assert.equal(at('vpn2.example.com'), ['branch', 'host vpn2.example.com', '10.9.9.9', 'group staff', '[policy]'])
  for (const host of ['plain', 'gone']) assert.equal(at(host), at())
  assert.is(policies.resolve({ user: 'eve', group: 'staff', host: 'plain' }), policies.resolve({ user: 'mallory', group: 'staff' }))
  const attributes = { origin: 'radius', values: { banner: 'radius' } }
  assert.is(policies.resolve({ user: 'eve', group: 'staff', host: 'vpn2.example.com', attributes }).origins.banner, 'radius')
})

test('every key has a value and an origin even with nothing configured', () => {
  const { values, origins } = createPolicies(checkConfig(new Uint8Array(), '/x.toml', []).core, () => []).resolve({ user: 'u', group: 'default' })
  assert.equal(values, BUILT_IN_POLICY)
  assert.equal(new Set(Object.values(origins)), new Set(['built-in']))
  assert.is(Object.keys(origins).length, POLICY_PROPERTIES.length)
})

test('the first source wins, and sources are asked anew each time', () => {
  const sources: PolicySource[] = [bob]
  const policies = createPolicies(core, () => sources)
  sources.unshift({ layer: () => ({ origin: 'user bob (file)', values: { dpdSec: 1 } }) })
  assert.is(policies.resolve({ user: 'bob', group: 'staff' }).origins.dpdSec, 'user bob (file)')
  assert.equal(policies.groups?.('bob'), ['staff', 'guests'])
  assert.is(policies.groups?.('eve'), undefined)
})

test('a reload shows in the next resolution', () => {
  let config = core
  const policies = createPolicies(() => config, () => [])
  config = checkConfig(Buffer.from('[policy]\nmtu = 1290\n'), '/x.toml', []).core
  assert.is(policies.resolve({ user: 'u', group: 'staff' }).values.mtu, 1290)
})

test('built-in values pass their own schema when they are written down', () => {
  for (const property of POLICY_PROPERTIES) {
    const { key, builtIn, title, description } = POLICY_KEYS[property]
    assert.equal(PolicySchema.parse({ [key]: writtenValue(property, builtIn) }), { [property]: builtIn }, key)
    assert.ok(title && description)
  }
})

test('values are written as the file would have them', () => {
  assert.is(writtenValue('idleTimeoutSec', 1800), '30m')
  assert.is(writtenValue('rateUp', 6_250_000), '50 Mbit/s')
  assert.is(writtenValue('rateUp', 0), '')
  assert.is(writtenValue('mtu', 1400), 1400)
  assert.equal(writtenValue('dns', ['10.0.0.1']), ['10.0.0.1'])
})

test('traffic rules', () => {
  for (const rule of ['10.0.0.0/8', '10.1.0.5', 'fd20::/64', 'tcp', 'tcp 443', 'tcp 443 10.1.0.5', 'udp 1-65535 fd20::1', 'tcp 10.0.0.0/8', 'icmp', 'icmp 10.0.0.0/8']) assert.ok(isTrafficRule(rule), rule)
  for (const rule of ['', ' ', 'tcp 0', 'tcp 65536', 'tcp 2-1', 'icmp 5', 'tcp  443', 'tcp 443 10.0.0.0/8 x', 'esp', '443', 'tcp -1', 'tcp 443 0x7f.1']) assert.not.ok(isTrafficRule(rule), rule)
})

test.run()
