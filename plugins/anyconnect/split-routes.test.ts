import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { splitHeaders, type SplitRoutes } from './split-routes.ts'

const LEASES = { ipv4: { address: '10.20.0.5', prefix: 16 }, ipv6: { address: 'fd20::5', prefix: 64 } }
const headers = (policy: Partial<SplitRoutes['policy']>, more: Partial<SplitRoutes> = {}): readonly string[] =>
  splitHeaders({ policy: { splitInclude: [], splitExclude: [], localLan: false, ...policy }, leases: LEASES, ios: false, gateway: [], ...more }).map(([name, value]) => `${name.replace('X-CSTP-Split-', '')} ${value}`)

test('G16 each network once, whatever the layers say twice', () => {
  assert.equal(
    headers({ splitInclude: ['10.1.0.0/16', 'fd01::/48', '10.1.0.0/16', 'fd01::/48'], splitExclude: ['10.1.2.0/24', '0.0.0.0/32', '10.1.2.0/24'], localLan: true }),
    ['Include 10.1.0.0/255.255.0.0', 'Exclude 0.0.0.0/255.255.255.255', 'Exclude 10.1.2.0/255.255.255.0', 'Include-IP6 fd01::/48', 'Exclude-IP6 ::/128'],
  )
})

test('G16 everything is told as no network of that family, beside whatever else is said', () => {
  assert.equal(headers({ splitInclude: ['0.0.0.0/0', '10.1.0.0/16', 'fd01::/48'] }), ['Include-IP6 fd01::/48'])
  assert.equal(headers({ splitInclude: ['10.1.0.0/16', '::/0'] }), ['Include 10.1.0.0/255.255.0.0'])
  assert.equal(headers({ splitInclude: ['10.1.0.0/16', '::/0'] }, { ios: true }), ['Include 10.1.0.0/255.255.0.0', 'Include-IP6 2000::/3', 'Include-IP6 64:ff9b::/96'])
})

test('G16 the gateway itself is not routed into its tunnel, and a larger network with it in it is', () => {
  const gateway = ['203.0.113.8', '2001:db8::8']
  assert.equal(headers({ splitInclude: ['203.0.113.8/32', '203.0.113.0/24', '2001:db8::8/128', 'fd01::/48'] }, { gateway }), ['Include 203.0.113.0/255.255.255.0', 'Include-IP6 fd01::/48'])
  assert.equal(headers({ splitInclude: ['203.0.113.8/32'] }, { gateway }), ['Include 10.20.0.0/255.255.0.0', 'Include-IP6 fd20::/64'], 'no default route is left over')
  assert.equal(headers({ splitInclude: ['10.1.0.0/16'] }, { gateway: ['nonsense', ''] }), ['Include 10.1.0.0/255.255.0.0', 'Include-IP6 fd20::/64'])
})

test('G16 a family without an address hears of no network', () => {
  const both = { splitInclude: ['10.1.0.0/16', 'fd01::/48'], splitExclude: ['10.1.2.0/24', 'fd01:2::/64'], localLan: true }
  assert.not.ok(headers(both, { leases: { ipv4: LEASES.ipv4 } }).some((text) => text.includes('IP6')))
  assert.ok(headers(both, { leases: { ipv6: LEASES.ipv6 } }).every((text) => text.includes('IP6')))
})

test.run()
