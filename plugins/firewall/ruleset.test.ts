import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { deviceNames } from './devices.ts'
import { forwards } from './forwarding.ts'
import { deviceOf, removalScript, rulesetScript, tableOf } from './ruleset.ts'

const golden = (name: string): string => readFileSync(join(import.meta.dirname, 'testdata', name), 'utf8')
const pools = { ipv4: ['10.20.0.0/16', '10.30.0.0/24'], ipv6: ['fd20::/64'], clientToClient: false }

test('the script is the one in testdata', () => {
  assert.is(rulesetScript({ device: 'postern0', masquerade: true, ...pools }), golden('masquerade.nft'))
  assert.is(rulesetScript({ device: 'postern0', masquerade: false, ...pools, clientToClient: true }), golden('clamp-only.nft'))
})

test('clients are kept apart unless the policy says otherwise', () => {
  const drop = 'iifname "postern0" oifname "postern0" drop'
  assert.ok(rulesetScript({ device: 'postern0', masquerade: true, ...pools }).includes(drop))
  assert.not.ok(rulesetScript({ device: 'postern0', masquerade: true, ...pools, clientToClient: true }).includes(drop))
})

test('the name of a table leads back to its device', () => {
  assert.is(deviceOf(tableOf('pt-1.5')), 'pt-1.5')
  assert.is(deviceOf('filter'), undefined)
})

test('nothing but a device name or a prefix gets into a script', () => {
  for (const device of ['', 'a"b', 'a b', 'a;b', 'a\nb', 'x'.repeat(16)]) {
    assert.throws(() => rulesetScript({ device, masquerade: true, ...pools }), /cannot name/, device)
    assert.throws(() => removalScript(device), /cannot name/, device)
  }
  assert.throws(() => rulesetScript({ device: 'tun0', masquerade: true, ipv4: ['10.0.0.0/8 accept'], ipv6: [], clientToClient: false }), /not a prefix/)
})

test('devices are read from the kernel\'s table', () => {
  const text = 'Inter-|   Receive |  Transmit\n face |bytes |bytes\n    lo: 12 0\npostern0:1 2\n'
  assert.equal([...deviceNames(text)], ['lo', 'postern0'])
  assert.ok(deviceNames().has('lo'))
})

test('a family whose sysctl does not exist is not judged', () => {
  assert.is(forwards({ name: 'IPv6', sysctl: 'net.ipv6.conf.all.forwarding' }, join(import.meta.dirname, 'testdata')), undefined)
})

test.run()
