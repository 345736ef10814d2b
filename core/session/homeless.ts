import type { PoolConfig } from '../config/gateway-config.ts'
import { PoolSet } from './pool-set.ts'
import type { Session } from './session.ts'

/** Sessions whose address none of those pools hands out: they end when these are in force. */
export function homeless(sessions: Iterable<Session>, pools: ReadonlyMap<string, PoolConfig>): readonly Session[] {
  const set = new PoolSet(pools.values())
  return [...sessions].filter(({ leases: { ipv4, ipv6 } }) => [ipv4, ipv6].some((lease) => lease !== undefined && set.find(lease.address) === undefined))
}
