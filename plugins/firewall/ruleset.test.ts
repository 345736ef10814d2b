import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BUILT_IN_POLICY, type Policy, type Session } from '../../core/api.ts'
import { deviceNames } from './devices.ts'
import { checkPools, prefixes } from './firewall.ts'
import { forwards } from './forwarding.ts'
import { membership } from './members.ts'
import { Roster } from './roster.ts'
import { changeScript, deviceOf, fits, removalScript, rulesetScript, shapeOf, tableOf } from './ruleset.ts'

const golden = (name: string): string => readFileSync(join(import.meta.dirname, 'testdata', name), 'utf8')
const pools = { ipv4: ['10.20.0.0/16', '10.30.0.0/24'], ipv6: ['fd20::/64'] }
const nobody = new Roster().takeAll()
const of = (host: number, policy: Partial<Policy>): ReturnType<typeof membership> =>
  membership({ leases: { ipv4: { address: `10.20.0.${host}`, prefix: 16 }, ipv6: { address: `fd20::${host}`, prefix: 64 } }, policy: { values: { ...BUILT_IN_POLICY, ...policy } } } as unknown as Session, ['10.20.0.1', 'fd20::1'])

test('the script is the one in testdata', () => {
  assert.is(rulesetScript({ device: 'postern0', ...pools }, nobody), golden('masquerade.nft'))
  assert.is(rulesetScript({ device: 'postern0', ipv4: [], ipv6: [] }, nobody), golden('clamp-only.nft'))
})

test('G17 sessions in the script: one chain for those with the same rules, their addresses and networks as elements', () => {
  const roster = new Roster()
  const contractor = { allow: ['tcp 443 10.1.0.5', 'tcp 443 10.1.0.6', 'udp 5000-5100', 'icmp 10.1.0.0/16', 'fd01::/64', 'fd01::7'], deny: ['10.1.9.0/24'], dns: ['10.1.0.53', 'fd01::53'] }
  roster.put('a', of(5, contractor))
  roster.put('b', of(6, contractor))
  roster.put('c', of(7, { restrictToRoutes: true, splitInclude: ['10.0.0.0/8'], splitExclude: ['10.9.0.0/16'], iroute: ['192.168.0.0/16'], clientToClient: true }))
  roster.put('d', of(8, { deny: ['0.0.0.0/0', 'icmp'], iroute: ['192.168.1.0/24'] }))
  roster.put('e', of(9, {}))
  const roll = roster.takeAll()
  assert.is(rulesetScript({ device: 'postern0', ipv4: [], ipv6: [] }, roll), golden('sessions.nft'))

  roster.put('f', of(10, contractor))
  roster.remove('b')
  roster.put('d', of(8, { deny: ['udp'] }))
  const change = roster.takeChange()
  assert.ok(change && fits(change, shapeOf(roll)))
  assert.is(changeScript('postern0', change), golden('change.nft'))
  assert.is(roster.takeChange(), undefined, 'all of it was taken')
})

test('G17 a client whose policy names no DNS servers reaches the gateway\'s own resolver, whatever else is closed', () => {
  const rules = (policy: Partial<Policy>): string => (of(5, policy).chain?.rules ?? []).map(({ verdict, protocol, ports, to }) => [verdict, protocol, ports?.[0], ...(to ?? [])].join(' ').replace(/ +/g, ' ').trim()).join(', ')
  assert.is(rules({ allow: ['tcp 443'] }), 'pass udp 53 10.20.0.1 fd20::1, pass tcp 53 10.20.0.1 fd20::1, pass tcp 443, drop')
  assert.is(rules({ allow: ['tcp 443'], dns: ['10.1.0.53'] }), 'pass udp 53 10.1.0.53, pass tcp 53 10.1.0.53, pass tcp 443, drop')
  assert.is(rules({ deny: ['tcp 443'] }), 'drop tcp 443')
  assert.is(rules({}), '')
})

test('G17 a login that needs no new chain is elements alone, also for the thousandth', () => {
  const roster = new Roster()
  for (let host = 0; host < 1000; host++) roster.put(`s${host}`, of(host, { deny: ['tcp 22'] }))
  roster.takeAll()
  roster.put('late', of(2000, { deny: ['tcp 22'] }))
  const change = roster.takeChange()
  assert.match(change ? changeScript('x', change) : '', /^add element inet postern_x clients4 \{ 10\.20\.0\.2000 : jump rules_[0-9a-f]{16} \}\nadd element inet postern_x clients6 \{ fd20::2000 : jump rules_[0-9a-f]{16} \}\n$/)
})

test('an address that passes from one session to the next stays with the newer one, in whatever order they are told', () => {
  const roster = new Roster()
  roster.put('old', of(5, { deny: ['tcp 22'] }))
  roster.takeAll()
  roster.put('new', of(5, { deny: ['tcp 23'] }))
  roster.remove('old')
  const { elements } = roster.takeAll()
  assert.is(elements.get('clients4')?.get('10.20.0.5'), of(5, { deny: ['tcp 23'] }).chain?.name)
  roster.remove('new')
  assert.is(roster.takeAll().elements.size, 0)
  assert.is(roster.size, 0)
})

test('G17 a list of 1,000 networks is one rule with one set', () => {
  const roster = new Roster()
  roster.put('a', of(5, { deny: Array.from({ length: 1000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`) }))
  assert.is(rulesetScript({ device: 'x', ipv4: [], ipv6: [] }, roster.takeAll()).match(/ip daddr/g)?.length, 1)
})

test('clients are kept apart', () => {
  assert.match(rulesetScript({ device: 'postern0', ...pools }, nobody), 'iifname "postern0" oifname "postern0" drop')
})

test('masquerade: all pools, none, or those named', () => {
  const config = { pools: new Map([['a', { name: 'a', ipv4: '10.1.0.0/16', quarantineSec: 0 }], ['b', { name: 'b', ipv4: '10.2.0.0/16', ipv6: 'fd02::/64', quarantineSec: 0 }]]) }
  assert.equal(prefixes(config, true).ipv4, ['10.1.0.0/16', '10.2.0.0/16'])
  assert.equal(prefixes(config, false), { ipv4: [], ipv6: [] })
  assert.equal(prefixes(config, ['b']), { ipv4: ['10.2.0.0/16'], ipv6: ['fd02::/64'] })
  checkPools({ masquerade: ['a', 'b'] }, config)
  assert.throws(() => checkPools({ masquerade: ['a', 'c'] }, config), /\[firewall\] masquerade: there is no pool "c", but a, b/)
})

test('the name of a table leads back to its device', () => {
  assert.is(deviceOf(tableOf('pt-1.5')), 'pt-1.5')
  assert.is(deviceOf('filter'), undefined)
})

test('nothing but a device name or a prefix gets into a script', () => {
  for (const device of ['', 'a"b', 'a b', 'a;b', 'a\nb', 'x'.repeat(16)]) {
    assert.throws(() => rulesetScript({ device, ...pools }, nobody), /cannot name/, device)
    assert.throws(() => removalScript(device), /cannot name/, device)
  }
  assert.throws(() => rulesetScript({ device: 'tun0', ipv4: ['10.0.0.0/8 accept'], ipv6: [] }, nobody), /not a prefix/)
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
