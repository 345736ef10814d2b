import type { Health } from '../health.ts'
import type { LeasePool } from './lease-pool.ts'
import { halves, type Pool } from './pool-set.ts'

const CODE = 'POOL_NEARLY_FULL'
/** Parts of a pool's addresses in use: at which it is said, and below which it is over. */
export const NEARLY_FULL = 0.9
export const RELIEVED = 0.85

/** One standing problem for all pools that run out of addresses. */
export class PoolPressure {
  /** By pool and family: how it is said. */
  private readonly said = new Map<string, string>()

  constructor(private readonly health: Health) {}

  /** Its use has changed. */
  look(pool: Pool): void {
    if (this.note(pool)) this.tell()
  }

  /** All there are: what was said of others is over. */
  lookAtAll(pools: Iterable<Pool>): void {
    this.said.clear()
    for (const pool of pools) this.note(pool)
    this.tell()
  }

  /** Whether there is something else to say. */
  private note(pool: Pool): boolean {
    let changed = false
    for (const half of halves(pool)) {
      const key = `${pool.config.name} ${half.family}`
      const before = this.said.get(key)
      const text = textOf(pool.config.name, half, before !== undefined)
      if (text === undefined) this.said.delete(key)
      else this.said.set(key, text)
      changed ||= text !== before
    }
    return changed
  }

  private tell(): void {
    if (this.said.size === 0) this.health.clear(CODE)
    else this.health.raise(CODE, 'warning', [...this.said.values()].join('; '))
  }
}

function textOf(name: string, { family, inUse, size }: LeasePool, said: boolean): string | undefined {
  if (inUse >= size) return `pool ${name} is full: all of its ${size} IPv${family} addresses are in use`
  if (inUse >= size * (said ? RELIEVED : NEARLY_FULL)) return `pool ${name} is nearly full: nine of ten of its ${size} IPv${family} addresses are in use`
  return undefined
}
