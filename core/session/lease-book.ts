import type { Clock } from '../clock.ts'
import type { PoolConfig } from '../config/gateway-config.ts'
import { GatewayError } from '../errors.ts'
import type { Family } from '../net/address.ts'
import type { Store } from '../store/store.ts'
import { exhausted } from './pool-exhausted.ts'
import type { PoolPressure } from './pool-pressure.ts'
import { halfOf, halves, PoolSet, type Place, type Pool } from './pool-set.ts'
import type { Leases } from './session.ts'

export interface LeaseRow {
  readonly address: string
  readonly pool: string
  readonly owner: string
  readonly session: string | null
  readonly free_at: number | null
  readonly prefix: number | null
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
/** What is asked for. */
export interface LeaseWish {
  readonly ipv4: boolean
  readonly ipv6: boolean
  /** This address and no other; empty: any. */
  readonly own?: { readonly ipv4: string; readonly ipv6: string }
  /** Whether an address belongs to another user. */
  another?(address: string): boolean
}
const FAMILIES = [4, 6] as const

/**
 * The addresses of all pools: which is free is known in memory, who has it stands in the store, where an address exists
 * once. `load` comes first.
 */
export class LeaseBook {
  private pools: PoolSet
  /** Of the addresses that somebody has. */
  private readonly places = new Map<string, Place>()

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    configs: ReadonlyMap<string, PoolConfig>,
    private readonly pressure?: PoolPressure,
  ) {
    this.pools = new PoolSet(configs.values())
  }

  /**
   * Other pools from now on. Who has an address that one of them hands out keeps it, under whatever name; an address that
   * none has is forgotten when its session ends (`homeless` tells whose they are).
   */
  reconfigure(configs: ReadonlyMap<string, PoolConfig>): void {
    const before = this.pools
    const next = new PoolSet(configs.values(), before)
    const kept = new Map([...next.list()].flatMap((pool) => halves(pool).map((half) => [half, pool] as const)))
    for (const [address, { half, number }] of this.places) {
      const pool = kept.get(half)
      const place = pool ? { pool, half, number } : next.find(address)
      if (!pool) place?.half.restoreHeld(place.number)
      if (place) this.places.set(address, place)
      else this.places.delete(address)
    }
    for (const half of [...before.list()].flatMap(halves)) {
      if (kept.has(half)) continue
      for (const [number, { owner, until }] of half.rests) {
        const place = next.find(half.address(number))
        place?.half.restoreResting(place.number, owner, until)
      }
    }
    this.pools = next
    this.pressure?.lookAtAll(next.list())
  }

  /** Held leases by session, and the sessions that hold one which is in no pool any more. */
  load(): LoadedLeases {
    const rows = this.store.read((db) => db.prepare('SELECT * FROM core_lease ORDER BY free_at').all() as LeaseRow[])
    const held = new Map<string, Leases>()
    const homeless = new Set<string>()
    for (const row of rows) {
      const place = this.pools.find(row.address)
      if (row.session !== null) {
        const lease = { address: row.address, prefix: row.prefix ?? place?.half.prefix.length ?? 0 }
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
    this.pressure?.lookAtAll(this.pools.list())
    return { held, homeless }
  }

  /** Somebody has it. */
  isHeld(address: string): boolean {
    return this.places.has(address)
  }
  /** That pool hands it out. */
  inPool(name: string, address: string): boolean {
    const pool = this.pools.get(name)
    return pool !== undefined && this.pools.find(address)?.pool === pool
  }

  /**
   * All the families or none; the IPv6 address gets the number of the IPv4 address where it is free. `transaction` runs
   * what writes the rows; when it throws, nothing is claimed.
   */
  claim(claim: Claim, wish: LeaseWish, transaction: (work: () => Leases) => Leases): Leases {
    const pool = this.pools.get(claim.pool)
    if (!pool) throw new GatewayError('POOL_EXHAUSTED', `there is no pool ${claim.pool}`)
    const wanted = FAMILIES.filter((family) => (family === 4 ? wish.ipv4 : wish.ipv6) && halfOf(pool, family))
    if (wanted.length === 0) throw new GatewayError('POOL_EXHAUSTED', `pool ${claim.pool} has no ${wish.ipv4 ? 'IPv4' : 'IPv6'} addresses`)
    const taken: Place[] = []
    try {
      for (const family of wanted) taken.push(this.take(pool, family, claim.owner, wish, taken[0]?.number))
      const leases = transaction(() => {
        const leases: { -readonly [Key in keyof Leases]: Leases[Key] } = {}
        for (const place of taken) {
          const lease = { address: this.insert(claim, place), prefix: place.half.prefix.length }
          if (place.half.family === 4) leases.ipv4 = lease
          else leases.ipv6 = lease
          this.places.set(lease.address, place)
        }
        return leases
      })
      this.pressure?.look(pool)
      return leases
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
      if (!place) continue
      place.half.release(place.number, claim.owner, this.clock.monotonic() + place.pool.config.quarantineSec * 1000)
      this.pressure?.look(place.pool)
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

  private take(pool: Pool, family: Family, owner: string, { own, another }: LeaseWish, number: number | undefined): Place {
    const half = halfOf(pool, family)
    if (!half) throw new Error(`pool ${pool.config.name} has no IPv${family}`)
    const address = family === 4 ? own?.ipv4 : own?.ipv6
    if (address) {
      const mine = half.numberOf(address)
      if (mine === undefined) throw new GatewayError('ADDRESS_UNAVAILABLE', `${address} is not an address of pool ${pool.config.name}`)
      if (!half.claimOwn(mine)) throw new GatewayError('ADDRESS_UNAVAILABLE', `${address} is held by another session`)
      return { pool, half, number: mine }
    }
    const claimed = half.claim(owner, this.clock.monotonic(), number, another && ((candidate) => another(half.address(candidate))))
    if (claimed === undefined) throw exhausted(pool, half, this.clock.monotonic())
    return { pool, half, number: claimed }
  }

  /** An address that another session has in the store is never taken over. */
  private insert(claim: Claim, place: Place): string {
    const address = place.half.address(place.number)
    const { changes } = this.store.write((db) =>
      db
        .prepare(
          `INSERT INTO core_lease (address, pool, owner, session, prefix) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (address) DO UPDATE SET pool = excluded.pool, owner = excluded.owner, session = excluded.session, prefix = excluded.prefix, free_at = NULL WHERE core_lease.session IS NULL`,
        )
        .run(address, claim.pool, claim.owner, claim.session, place.half.prefix.length),
    )
    if (changes !== 1) throw new GatewayError('STORE', `${address} is held by another session`)
    return address
  }
}
