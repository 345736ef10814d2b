import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GatewayConfig } from './gateway-config.ts'
import { layerProblems } from './policy-checks.ts'

const config = {
  gateway: { name: 'vpn.example.com', listen: [{ address: '0.0.0.0', port: 443 }] },
  pools: new Map([['default', { name: 'default', ipv4: '10.20.0.0/24', ipv6: 'fd20::/64', quarantineSec: 0 }], ['four', { name: 'four', ipv4: '10.21.0.0/24', quarantineSec: 0 }]]),
} as unknown as GatewayConfig
const texts = (own: Parameters<typeof layerProblems>[0], below: Parameters<typeof layerProblems>[0] = {}): readonly string[] =>
  layerProblems(own, { below, ofUser: true }, config).map(({ key, text }) => `${key}: ${text}`)

test('G09 an address of a user has to be one that his pool hands out', () => {
  assert.equal(texts({ ipv4Address: '10.20.0.7', ipv6Address: 'fd20::7' }), [])
  for (const address of ['10.20.0.0', '10.20.0.1', '10.20.0.255', '10.21.0.7']) {
    assert.equal(texts({ ipv4Address: address }), [`ipv4Address: ${address} is not an address that pool "default" (10.20.0.0/24) hands out`])
  }
  assert.equal(texts({ ipv4Address: '10.21.0.7' }, { pool: 'four' }), [])
  assert.equal(texts({ ipv4Address: '10.20.0.7', pool: 'four' }), ['ipv4Address: 10.20.0.7 is not an address that pool "four" (10.21.0.0/24) hands out'])
  assert.equal(texts({ ipv6Address: 'fd20::7' }, { pool: 'four' }), ['ipv6Address: pool "four" has no IPv6 addresses'])
  assert.equal(texts({ ipv4Address: '' }, { pool: 'four' }), [])
})

test('a layer is told of the pool only where it names it, the lowest always', () => {
  assert.equal(texts({ mtu: 1400 }, { pool: 'gone' }), [])
  assert.equal(texts({ pool: 'gone' }), ['pool: there is no pool "gone"; the pools are "default", "four"'])
  assert.equal(layerProblems({}, { below: {}, ofUser: false, lowest: true }, { ...config, pools: new Map() }).length, 1)
})

test.run()
