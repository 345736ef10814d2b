import type { PoolConfig } from '../config/gateway-config.ts'
import type { Family } from '../net/address.ts'
import { LeasePool } from './lease-pool.ts'

export interface Pool {
  readonly config: PoolConfig
  readonly ipv4: LeasePool | undefined
  readonly ipv6: LeasePool | undefined
}
/** Where an address is counted. */
export interface Place {
  readonly pool: Pool
  readonly half: LeasePool
  readonly number: number
}
export const halfOf = (pool: Pool, family: Family): LeasePool | undefined => (family === 4 ? pool.ipv4 : pool.ipv6)
export const halves = (pool: Pool): readonly LeasePool[] => [pool.ipv4, pool.ipv6].filter((half) => half !== undefined)

/** The pools of a configuration, and who has which of their addresses. */
export class PoolSet {
  private readonly pools = new Map<string, Pool>()

  /** A prefix that `before` has too goes on with what is known of it. */
  constructor(configs: Iterable<PoolConfig>, before?: PoolSet) {
    const known = new Map([...(before?.list() ?? [])].flatMap((pool) => halves(pool).map((half) => [half.text, half] as const)))
    const half = (cidr: string | undefined): LeasePool | undefined => (cidr === undefined ? undefined : (known.get(cidr) ?? new LeasePool(cidr)))
    for (const config of configs) this.pools.set(config.name, { config, ipv4: half(config.ipv4), ipv6: half(config.ipv6) })
  }

  get(name: string): Pool | undefined {
    return this.pools.get(name)
  }
  list(): Iterable<Pool> {
    return this.pools.values()
  }

  /** undefined: no pool hands it out. */
  find(address: string): Place | undefined {
    for (const pool of this.pools.values()) {
      const half = halfOf(pool, address.includes(':') ? 6 : 4)
      const number = half?.numberOf(address)
      if (half && number !== undefined) return { pool, half, number }
    }
    return undefined
  }
}
