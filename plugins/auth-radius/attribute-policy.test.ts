import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attributePolicy, type AttributePolicy } from './attribute-policy.ts'
import { attribute, flatten } from './attributes.ts'
import { groupsOf } from './groups.ts'
import { mikrotikRates } from './mikrotik-rate.ts'
import { readRoute } from './route.ts'
import type { Attribute } from './packet.ts'

const policy = (...attributes: readonly Attribute[]): AttributePolicy => attributePolicy(flatten(attributes), { hasPool: (name) => name === 'staff' })

test('G23 addresses, routes, DNS, timeouts, rates and limits become policy', () => {
  const { values, problems } = policy(
    attribute('Framed-IP-Address', '10.66.0.9'), attribute('Framed-IP-Netmask', '255.255.255.255'), attribute('Framed-IPv6-Address', 'fd66::9'), attribute('Framed-Pool', 'staff'),
    attribute('Framed-Route', '10.1.0.0/16 0.0.0.0 1'), attribute('Framed-Route', '10.2.3.4/16'), attribute('Framed-IPv6-Route', 'fd01::/32 :: 1'), attribute('Delegated-IPv6-Prefix', 'fd02::/56'),
    attribute('MS-Primary-DNS-Server', '10.0.0.53'), attribute('MS-Secondary-DNS-Server', '10.0.1.53'), attribute('ASA-Primary-DNS', '10.0.0.53'), attribute('DNS-Server-IPv6-Address', 'fd00::53'),
    attribute('MS-Primary-NBNS-Server', '10.0.0.42'), attribute('Session-Timeout', 3600), attribute('Idle-Timeout', 600), attribute('Port-Limit', 2),
    attribute('WISPr-Bandwidth-Max-Up', 1_000_000), attribute('WISPr-Bandwidth-Max-Down', 8_000_000),
    attribute('Cisco-AVPair', 'ip:route#1=172.16.0.0 255.240.0.0'), attribute('Cisco-AVPair', 'webvpn:default-domain=corp.example'), attribute('ASA-Banner1', 'Hello '), attribute('ASA-Banner2', 'you'),
    attribute('ASA-IPsec-Split-DNS-Names', 'corp.example,lab.example'),
  )
  assert.equal(problems, [])
  assert.equal(values, {
    splitInclude: ['10.1.0.0/16', '10.2.0.0/16', 'fd01::/32', '172.16.0.0/12'], iroute: ['fd02::/56'], dns: ['10.0.0.53', '10.0.1.53', 'fd00::53'], nbns: ['10.0.0.42'], splitDns: ['corp.example', 'lab.example'],
    ipv4Address: '10.66.0.9', ipv6Address: 'fd66::9', pool: 'staff', sessionTimeoutSec: 3600, inactivityTimeoutSec: 600, maxSessions: 2, rateUp: 125_000, rateDown: 1_000_000, defaultDomain: 'corp.example', banner: 'Hello you',
  })
})
test('what leaves the choice to the gateway says nothing', () => {
  for (const address of ['255.255.255.254', '255.255.255.255', '0.0.0.0']) assert.equal(policy(attribute('Framed-IP-Address', address)), { values: {}, problems: [] })
  assert.equal(policy(attribute('Session-Timeout', 0), attribute('Port-Limit', 0), attribute('WISPr-Bandwidth-Max-Up', 0), { type: 240, value: Buffer.from('?') }), { values: {}, problems: [] })
})
test('a value that cannot be used is told, the others count', () => {
  const { values, problems } = policy(
    attribute('Framed-Route', 'nowhere'), attribute('Framed-Route', '10.1.0.0/16'), attribute('Framed-Pool', 'other'), attribute('Framed-IPv6-Prefix', 'fd01::/64'), attribute('ASA-Banner1', 'a\u0007'),
    attribute('Cisco-AVPair', 'ip:inacl#1=deny ip any any'), attribute('Cisco-AVPair', 'nonsense'), attribute('Mikrotik-Rate-Limit', 'fast'), { type: 27, value: Buffer.alloc(3) }, attribute('ASA-IPsec-Default-Domain', 'not a name'),
  )
  assert.equal(values, { splitInclude: ['10.1.0.0/16'] })
  assert.equal(problems.map((line) => line.split(':')[0]).sort(), ['Cisco-AVPair', 'Framed-IPv6-Prefix', 'Framed-Pool', 'Framed-Route', 'Mikrotik-Rate-Limit', 'Session-Timeout', 'banner', 'default domain'])
  assert.is(policy(attribute('Session-Timeout', 0xffffffff)).values.sessionTimeoutSec, 365 * 86_400)
  assert.equal(policy(attribute('Framed-IPv6-Prefix', 'fd01::7/128')).values, { ipv6Address: 'fd01::7' })
})
test('routes with masks, and rates', () => {
  assert.equal(['10.0.0.0 255.0.0.0', '10.0.0.0 255.0.255.0', '10.0.0.0', '0.0.0.0 0.0.0.0', 'fd00::/8', ''].map(readRoute), ['10.0.0.0/8', undefined, undefined, '0.0.0.0/0', 'fd00::/8', undefined])
  assert.equal(mikrotikRates('64k/2M 128k/4M'), { up: 8000, down: 250_000 })
  assert.equal(mikrotikRates('8M'), { up: 1_000_000, down: 1_000_000 })
  assert.is(mikrotikRates('8X'), undefined)
  assert.equal(policy(attribute('Mikrotik-Rate-Limit', '1M/2M')).values, { rateUp: 125_000, rateDown: 250_000 })
  assert.equal(policy(attribute('RP-Upstream-Speed-Limit', 80), attribute('RP-Downstream-Speed-Limit', 160)).values, { rateUp: 10_000, rateDown: 20_000 })
})
test('G23 groups from Class: with OU= as an order, bare only where there is such a group', () => {
  const exists = (name: string): boolean => ['staff', 'partners'].includes(name)
  const groups = (...texts: readonly string[]): readonly string[] => groupsOf(flatten(texts.map((text) => attribute('Class', Buffer.from(text)))), 'class', exists)
  assert.equal(groups('OU=staff;'), ['staff'])
  assert.equal(groups('ou=nobody;partners', 'staff', 'staff'), ['nobody', 'partners', 'staff'])
  assert.equal(groups('staff'), ['staff'])
  assert.equal(groups('311 1 10.0.0.1 01/01/2026 12:00:00 7', '\0\u0001binary'), [])
  assert.is(groups(...Array.from({ length: 50 }, (_, at) => `OU=g${at};`)).length, 32)
  assert.equal(groupsOf(flatten([attribute('Filter-Id', 'staff')]), 'filter-id', exists), ['staff'])
  assert.equal(groupsOf(flatten([attribute('ASA-Group-Policy', 'OU=staff;')]), 'asa-group-policy', exists), ['staff'])
  assert.equal(groupsOf(flatten([attribute('Class', Buffer.from('staff'))]), 'none', exists), [])
})

test.run()
