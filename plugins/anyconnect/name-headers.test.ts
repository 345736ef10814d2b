import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BUILT_IN_POLICY, type Leases, type Policy } from '../../core/api.ts'
import { nameHeaders } from './name-headers.ts'

const BOTH: Leases = { ipv4: { address: '10.20.0.5', prefix: 16 }, ipv6: { address: 'fd20::5', prefix: 64 } }
const headers = (policy: Partial<Policy>, options: { readonly leases?: Leases; readonly cisco?: boolean; readonly offered?: Parameters<typeof nameHeaders>[3] } = {}): string[] =>
  nameHeaders({ ...BUILT_IN_POLICY, ...policy }, options.leases ?? BOTH, options.cisco ?? false, options.offered ?? []).map(([name, value]) => `${name}: ${value}`)

test('G17 split-dns: one header for each domain, wildcards as the domain, each once', () => {
  assert.equal(headers({ splitDns: ['corp.example', '*.lab.example', 'lab.example'] }), ['X-CSTP-Split-DNS: corp.example', 'X-CSTP-Split-DNS: lab.example'])
})
test('G17 default domain first, then the search list, each once', () => {
  assert.equal(headers({ defaultDomain: 'corp.example', search: ['lab.example', 'corp.example'] }), ['X-CSTP-Default-Domain: corp.example lab.example'])
})
test('G17 servers in order, IPv6 under its own name for Cisco, none of a family without an address', () => {
  const dns = ['fd20::1', '10.20.0.1']
  assert.equal(headers({ dns }), ['X-CSTP-DNS: fd20::1', 'X-CSTP-DNS: 10.20.0.1'])
  assert.equal(headers({ dns }, { cisco: true }), ['X-CSTP-DNS-IP6: fd20::1', 'X-CSTP-DNS: 10.20.0.1'])
  assert.equal(headers({ dns }, { leases: { ipv4: BOTH.ipv4 } }), ['X-CSTP-DNS: 10.20.0.1'])
})
test('G17 what a plugin offers stands in where the policy is silent', () => {
  const offered = [{ dns: ['10.20.0.1', 'fd20::1'], splitDns: ['corp.example'] }]
  assert.equal(headers({}, { offered }), ['X-CSTP-DNS: 10.20.0.1', 'X-CSTP-DNS: fd20::1', 'X-CSTP-Split-DNS: corp.example'])
  assert.equal(headers({ dns: ['10.1.0.53'], splitDns: ['other.example'] }, { offered }), ['X-CSTP-DNS: 10.1.0.53', 'X-CSTP-Split-DNS: other.example'])
  assert.equal(headers({ tunnelAllDns: true }, { offered, leases: { ipv6: BOTH.ipv6 }, cisco: true }), ['X-CSTP-DNS-IP6: fd20::1'])
})

test.run()
