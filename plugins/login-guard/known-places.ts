import type { Clock, Logger, Store } from '../../core/api.ts'
import { BOUNDS } from './thresholds.ts'

/** How long a place waits to be written, and how old its row may be before it is written again, ms. */
const SAVE_MS = 5_000
const RENEW_MS = 86_400_000

/**
 * Where users have logged in, across restarts. What is new is written every few seconds, all of it at once: a login costs
 * one commit as it is. A gateway that is killed forgets the last of them.
 */
export class KnownPlaces {
  private readonly waiting = new Map<string, { readonly account: string; readonly network: string; readonly at: number }>()
  private timer: { cancel(): void } | undefined

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly limit: number = BOUNDS.knownPlaces,
  ) {}

  /** Whether the user has logged in there within `forMs`. A store that cannot be read knows nobody. */
  has(account: string, network: string, forMs: number): boolean {
    const at = this.waiting.get(`${network} ${account}`)?.at ?? this.stored(account, network)
    // A clock that was set back does not make strangers.
    return at !== undefined && this.clock.now() - at < forMs
  }

  /** Whether any user has logged in there within `forMs`. A store that cannot be read knows somebody. */
  hasAnyone(network: string, forMs: number): boolean {
    const since = this.clock.now() - forMs
    for (const place of this.waiting.values()) if (place.network === network && place.at > since) return true
    try {
      return this.store.read((db) => db.prepare('SELECT 1 FROM login_guard_known WHERE network = ? AND at > ? LIMIT 1').get(network, since)) !== undefined
    } catch (error) {
      this.log.warn('it is not known where users have logged in', { error })
      return true
    }
  }

  add(account: string, network: string): void {
    const key = `${network} ${account}`
    const now = this.clock.now()
    const at = this.waiting.get(key)?.at ?? this.stored(account, network)
    if (at !== undefined && Math.abs(now - at) < RENEW_MS) return
    this.waiting.set(key, { account, network, at: now })
    this.timer ??= this.clock.after(SAVE_MS, () => this.save())
  }

  save(): void {
    this.timer?.cancel()
    this.timer = undefined
    const rows = [...this.waiting.values()]
    if (rows.length === 0) return
    try {
      this.store.write((db) => {
        const put = db.prepare('INSERT OR REPLACE INTO login_guard_known (account, network, at) VALUES (?, ?, ?)')
        for (const { account, network, at } of rows) put.run(account, network, at)
        const { count } = db.prepare('SELECT count(*) AS count FROM login_guard_known').get() as { count: number }
        if (count > this.limit) db.prepare('DELETE FROM login_guard_known WHERE (account, network) IN (SELECT account, network FROM login_guard_known ORDER BY at LIMIT ?)').run(count - this.limit)
      })
    } catch (error) {
      this.log.warn('where users have logged in is not stored', { users: rows.length, error })
    }
    this.waiting.clear()
  }

  /** Those of before `forMs` ago. */
  purge(forMs: number): void {
    try {
      this.store.write((db) => db.prepare('DELETE FROM login_guard_known WHERE at < ?').run(this.clock.now() - forMs))
    } catch (error) {
      this.log.warn('places that are long ago stay in the database', { error })
    }
  }

  private stored(account: string, network: string): number | undefined {
    try {
      const row = this.store.read((db) => db.prepare('SELECT at FROM login_guard_known WHERE account = ? AND network = ?').get(account, network) as { at: number } | undefined)
      return row?.at
    } catch (error) {
      this.log.warn('it is not known where users have logged in', { error })
      return undefined
    }
  }
}
