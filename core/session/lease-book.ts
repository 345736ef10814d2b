import type { Clock } from '../clock.ts'
import type { PoolConfig } from '../config/gateway-config.ts'
import { GatewayError } from '../errors.ts'
import type { Family } from '../net/address.ts'
import type { Store } from '../store/store.ts'
import { LeasePool } from './lease-pool.ts'
import type { Leases } from './session.ts'

/** Where an address is counted. */
interface Place {
  readonly pool: Pool
  readonly half: LeasePool
  readonly number: number
}
interface Pool {
  readonly config: PoolConfig
  readonly ipv4: LeasePool | undefined
  readonly ipv6: LeasePool | undefined
}
export interface LeaseRow {
  readonly address: string
  readonly pool: string
  readonly owner: string
  readonly session: string | null
  readonly free_at: number | null
}
export interface LoadedLeases {
  readonly held: ReadonlyMap<string, Leases>
  readonly homeless: ReadonlySet<string>
}
/** A session's claim, as the store has it. */
export interface Claim {
  readonly session: string
  /** User and device: who may have an address again at once. */
  readonly owner: string
  readonly pool: string
}
const FAMILIES = [4, 6] as const
const half = (pool: Pool, family: Family): LeasePool | undefined => (family === 4 ? pool.ipv4 : pool.ipv6)

/**
 * The addresses of all pools: which is free is known in memory, who has it stands in the store, where an address exists
 * once. `load` comes first.
 */
export class LeaseBook {
  private readonly pools = new Map<string, Pool>()
  /** Of the addresses that somebody has. */
  private readonly places = new Map<string, Place>()

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    configs: ReadonlyMap<string, PoolConfig>,
  ) {
    for (const config of configs.values()) {
      const { ipv4, ipv6 } = config
      this.pools.set(config.name, { config, ipv4: ipv4 === undefined ? undefined : new LeasePool(ipv4), ipv6: ipv6 === undefined ? undefined : new LeasePool(ipv6) })
    }
  }

  /** Held leases by session, and the sessions that hold one which is in no pool any more. */
  load(): LoadedLeases {
    const rows = this.store.read((db) => db.prepare('SELECT * FROM core_lease ORDER BY free_at').all() as LeaseRow[])
    const held = new Map<string, Leases>()
    const homeless = new Set<string>()
    for (const row of rows) {
      const place = this.find(row.address)
      if (row.session !== null) {
        const lease = { address: row.address, prefix: place?.half.prefix.length ?? 0 }
        held.set(row.session, { ...held.get(row.session), ...(row.address.includes(':') ? { ipv6: lease } : { ipv4: lease }) })
        if (!place) homeless.add(row.session)
        else {
          place.half.restoreHeld(place.number)
          this.places.set(row.address, place)
        }
      } else if (place) {
        const rest = Math.min(Math.max((row.free_at ?? 0) - this.clock.now(), 0), place.pool.config.quarantineSec * 1000)
        place.half.restoreResting(place.number, row.owner, this.clock.monotonic() + rest)
      }
    }
    return { held, homeless }
  }

  /**
   * All the families or none; the IPv6 address gets the number of the IPv4 address where it is free. `transaction` runs
   * what writes the rows; when it throws, nothing is claimed.
   */
  claim(claim: Claim, families: { readonly ipv4: boolean; readonly ipv6: boolean }, transaction: (work: () => Leases) => Leases): Leases {
    const pool = this.pools.get(claim.pool)
    if (!pool) throw new GatewayError('POOL_EXHAUSTED', `there is no pool ${claim.pool}`)
    const wanted = FAMILIES.filter((family) => (family === 4 ? families.ipv4 : families.ipv6) && half(pool, family))
    if (wanted.length === 0) throw new GatewayError('POOL_EXHAUSTED', `pool ${claim.pool} has no ${families.ipv4 ? 'IPv4' : 'IPv6'} addresses`)
    const taken: Place[] = []
    try {
      for (const family of wanted) taken.push(this.take(pool, family, claim.owner, taken[0]?.number))
      return transaction(() => {
        const leases: { -readonly [Key in keyof Leases]: Leases[Key] } = {}
        for (const place of taken) {
          const lease = { address: this.insert(claim, place), prefix: place.half.prefix.length }
          if (place.half.family === 4) leases.ipv4 = lease
          else leases.ipv6 = lease
          this.places.set(lease.address, place)
        }
        return leases
      })
    } catch (error) {
      for (const { half: from, number } of taken) from.release(number, claim.owner, 0)
      throw error
    }
  }

  /** Into quarantine, in memory. Returns when it ends, wall clock ms, for `writeRelease`. */
  release(claim: Claim, leases: Leases): number {
    for (const lease of [leases.ipv4, leases.ipv6]) {
      const place = lease && this.places.get(lease.address)
      if (lease) this.places.delete(lease.address)
      if (place) place.half.release(place.number, claim.owner, this.clock.monotonic() + place.pool.config.quarantineSec * 1000)
    }
    return this.clock.now() + (this.pools.get(claim.pool)?.config.quarantineSec ?? 0) * 1000
  }

  /** The same in the store. */
  writeRelease(claim: Claim, leases: Leases, freeAt: number): void {
    this.store.write((db) => {
      for (const lease of [leases.ipv4, leases.ipv6]) {
        if (lease) db.prepare('UPDATE core_lease SET session = NULL, free_at = ? WHERE address = ? AND session = ?').run(freeAt, lease.address, claim.session)
      }
    })
  }

  private take(pool: Pool, family: Family, owner: string, wish: number | undefined): Place {
    const from = half(pool, family)
    const number = from?.claim(owner, this.clock.monotonic(), wish)
    if (from && number !== undefined) return { pool, half: from, number }
    throw new GatewayError('POOL_EXHAUSTED', `pool ${pool.config.name} has no free IPv${family} address: ${from?.inUse} of ${from?.size} are in use, the others rest for ${pool.config.quarantineSec} s`)
  }

  /** An address that another session has in the store is never taken over. */
  private insert(claim: Claim, place: Place): string {
    const address = place.half.address(place.number)
    const { changes } = this.store.write((db) =>
      db
        .prepare(
          `INSERT INTO core_lease (address, pool, owner, session) VALUES (?, ?, ?, ?)
           ON CONFLICT (address) DO UPDATE SET pool = excluded.pool, owner = excluded.owner, session = excluded.session, free_at = NULL WHERE core_lease.session IS NULL`,
        )
        .run(address, claim.pool, claim.owner, claim.session),
    )
    if (changes !== 1) throw new GatewayError('STORE', `${address} is held by another session`)
    return address
  }

  private find(address: string): Place | undefined {
    for (const pool of this.pools.values()) {
      for (const candidate of [pool.ipv4, pool.ipv6]) {
        const number = candidate?.numberOf(address)
        if (candidate && number !== undefined) return { pool, half: candidate, number }
      }
    }
    return undefined
  }
}
