import { GatewayError } from '../errors.ts'
import type { LeasePool } from './lease-pool.ts'
import type { Pool } from './pool-set.ts'

/** Why a pool has no address for anybody, and when it may have one again. `now`: monotonic, ms. */
export function exhausted({ config: { name } }: Pool, half: LeasePool, now: number): GatewayError {
  const next = half.nextFree
  const rest = next === undefined ? '' : next > now ? `, the next is free in ${Math.ceil((next - now) / 1000)} s` : ', the others are kept for their users'
  return new GatewayError('POOL_EXHAUSTED', `pool ${name} has no free IPv${half.family} address: ${half.inUse} of ${half.size} are in use${rest}`)
}
