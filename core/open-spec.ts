import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { GatewayConfig } from './config/gateway-config.ts'
import { DEFAULT_LIMITS, type OpenSpec } from './dataplane.ts'
import { formatAddress, nthAddress, parsePrefix } from './net/address.ts'
import type { Policies } from './policy/policy.ts'

const RUN_DIRECTORY = '/run/postern'

/** What the data plane is opened with: every pool's first address on the device, which routes the pool into it. `udp`: somebody asks for datagrams. */
export function openSpec(config: GatewayConfig, policies: Policies, dataDirectory: string, udp: boolean): OpenSpec {
  const { listen, device, workers, fips, proxyProtocolFrom } = config.gateway
  return {
    listen, device, workers,
    addresses: deviceAddresses(config.pools),
    routes: [],
    mtu: largestMtu(config, policies),
    lockDirectory: lockDirectory(dataDirectory),
    limits: DEFAULT_LIMITS,
    udp,
    proxies: proxyProtocolFrom,
    fips,
  }
}

/** The gateway's own, of every pool. */
export const deviceAddresses = (pools: GatewayConfig['pools']): readonly string[] =>
  [...pools.values()].flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [gatewayAddress(cidr)])))

/** `10.20.0.0/16` -> `10.20.0.1/16`. */
export function gatewayAddress(cidr: string): string {
  const prefix = parsePrefix(cidr)
  const first = prefix && nthAddress(prefix, 1)
  if (!prefix || !first) throw new Error(`${cidr} has no address for the gateway`)
  return `${formatAddress(first)}/${prefix.length}`
}

/** No session may need more than the device lets through; a smaller session is told by the data plane. */
export const largestMtu = (config: GatewayConfig, policies: Policies): number =>
  Math.max(...['', ...config.groups.keys()].map((group) => policies.resolve({ user: '', group }).values.mtu), ...[...config.hosts.values()].map(({ policy }) => policy.mtu ?? 0))

/**
 * One for each network namespace of the machine, where we may write there: two data directories cannot share an address,
 * and the same address in another namespace is another one.
 */
export function lockDirectory(dataDirectory: string, runDirectory = RUN_DIRECTORY): string {
  try {
    const directory = join(runDirectory, `net-${statSync('/proc/self/ns/net').ino}`)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return directory
  } catch {
    // Not root, or a read-only /run: the gateway's own directory then.
    return dataDirectory
  }
}
