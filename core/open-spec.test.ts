import { execFileSync } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GatewayConfig } from './config/gateway-config.ts'
import { adminSocket, locate } from './locations.ts'
import { gatewayAddress, lockDirectory, openSpec } from './open-spec.ts'
import { createPolicies } from './policy/policies.ts'
import { testDirectory } from './testing.ts'

test('every pool\'s first address is on the device, and the device takes the largest MTU of any group', () => {
  const config = {
    gateway: { listen: [{ address: '0.0.0.0', port: 443 }], device: 'postern%d', workers: 2, fips: true, proxyProtocolFrom: ['10.0.0.0/8'] },
    pools: new Map([['a', { name: 'a', ipv4: '10.20.0.0/16', ipv6: 'fd20::/64', quarantineSec: 300 }], ['b', { name: 'b', ipv4: '10.30.0.0/24', quarantineSec: 300 }]]),
    policy: { mtu: 1300 }, groups: new Map([['big', { name: 'big', label: 'big', auth: [], policy: { mtu: 1390 } }]]), hosts: new Map(),
  } as unknown as GatewayConfig
  const { addresses, mtu, workers, device, listen, udp, fips, proxies } = openSpec(config, createPolicies(config, () => []), testDirectory(), true)
  assert.equal([udp, fips, proxies], [true, true, ['10.0.0.0/8']])
  assert.equal(addresses, ['10.20.0.1/16', 'fd20::1/64', '10.30.0.1/24'])
  assert.equal([mtu, workers, device, listen.length], [1390, 2, 'postern%d', 1])
  assert.throws(() => gatewayAddress('10.0.0.1/32'), /no address for the gateway/)
})

test('the lock directory is the network namespace\'s own, or the gateway\'s where /run cannot be written', () => {
  const run = testDirectory()
  const here = lockDirectory('/data', run)
  assert.ok(existsSync(here) && (statSync(here).mode & 0o777) === 0o700)
  assert.is(lockDirectory('/other-data', run), here)
  if (process.getuid?.() === 0) {
    const script = `import { lockDirectory } from '${import.meta.dirname}/open-spec.ts'; process.stdout.write(lockDirectory('/data', '${run}'))`
    assert.is.not(execFileSync('unshare', ['--net', process.execPath, '--import', 'tsx', '--input-type=module', '-e', script], { encoding: 'utf8' }), here)
  }
  const file = join(run, 'file')
  writeFileSync(file, '')
  assert.is(lockDirectory('/data', file), '/data')
})

test('an option wins over the environment, that over the default', () => {
  assert.equal(locate({}, {}), { config: undefined, dataDirectory: '/var/lib/postern' })
  const environment = { POSTERN_CONFIG: '/e/c.toml', POSTERN_DATA_DIR: '/e/d' }
  assert.equal(locate({}, environment), { config: '/e/c.toml', dataDirectory: '/e/d' })
  assert.equal(locate({ config: '/o/c.toml', dataDir: '/o/d' }, environment), { config: '/o/c.toml', dataDirectory: '/o/d' })
  assert.is(adminSocket('/o/d'), '/o/d/admin.sock')
})

test.run()
