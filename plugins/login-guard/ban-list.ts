import { contains, GatewayError, prefixOf, type Address, type Clock, type Logger, type Prefix } from '../../core/api.ts'
import { prefixOfTarget, type Ban } from './ban.ts'
import type { BanTable } from './ban-table.ts'
import { BOUNDS, THRESHOLDS } from './thresholds.ts'

interface Entry {
  readonly ban: Ban
  readonly prefix: Prefix | undefined
  /** Monotonic ms; Infinity: for good. */
  readonly ends: number
}

const keyOf = ({ kind, target }: Pick<Ban, 'kind' | 'target'>): string => `${kind} ${target}`

/**
 * The bans in force, found by address in a look-up for each prefix length there is. Rows say until when by the wall clock;
 * while the gateway runs the monotonic clock counts, so that setting the clock frees nobody. One that is over is kept for a
 * day: the next of its network is longer.
 */
export class BanList {
  private readonly entries = new Map<string, Entry>()
  private readonly byLength = new Map<string, Map<bigint, Entry>>()

  constructor(
    private readonly table: BanTable,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    for (const ban of table.all()) this.enter(ban)
    this.purge()
  }

  add(ban: Ban): void {
    if (!ban.automatic && !this.entries.has(keyOf(ban)) && this.list().filter(({ automatic }) => !automatic).length >= BOUNDS.manualBans) {
      throw new GatewayError('REFUSED', `there are ${BOUNDS.manualBans} bans already; a network covers many addresses`)
    }
    this.table.put(ban)
    this.enter(ban)
  }

  /** Of a network that has failed too often; a disk that is full does not let it in. */
  addAutomatic(target: string, reason: string, firstMs: number): Ban {
    const before = this.entries.get(keyOf({ kind: 'network', target }))?.ban
    const strikes = before?.automatic ? before.strikes + 1 : 0
    const since = this.clock.now()
    const ban: Ban = { kind: 'network', target, automatic: true, reason, since, until: since + Math.min(firstMs * 2 ** Math.min(strikes, 20), THRESHOLDS.maxBanMs), strikes }
    if (!before) this.makeRoom()
    this.enter(ban)
    try {
      this.table.put(ban)
    } catch (error) {
      this.log.warn('a ban is not stored', { network: target, error })
    }
    return ban
  }

  remove(bans: readonly Ban[]): void {
    this.table.delete(bans)
    for (const ban of bans) this.leave(ban)
  }

  /** The one that holds longest of those around the address; manual ones first. */
  of(address: Address): Ban | undefined {
    let found: Entry | undefined
    for (const [length, networks] of this.byLength) {
      if (Number(length[0]) !== address.family) continue
      const entry = networks.get(prefixOf(address, Number(length.slice(2))).base)
      if (!entry || !this.holds(entry)) continue
      if (!found || (found.ban.automatic && !entry.ban.automatic) || (found.ban.automatic === entry.ban.automatic && entry.ends > found.ends)) found = entry
    }
    return found?.ban
  }
  ofUser(account: string): Ban | undefined {
    const entry = this.entries.get(keyOf({ kind: 'user', target: account }))
    return entry && this.holds(entry) ? entry.ban : undefined
  }
  at(kind: Ban['kind'], target: string): Ban | undefined {
    const entry = this.entries.get(keyOf({ kind, target }))
    return entry && this.holds(entry) ? entry.ban : undefined
  }
  /** Those around all of `prefix`. */
  around(prefix: Prefix): readonly Ban[] {
    const covers = (outer: Prefix): boolean => outer.family === prefix.family && outer.length <= prefix.length && contains(outer, { family: prefix.family, value: prefix.base })
    return [...this.entries.values()].filter((entry) => this.holds(entry) && entry.prefix && covers(entry.prefix)).map(({ ban }) => ban)
  }
  /** Ms; undefined: for good. */
  left(ban: Ban): number | undefined {
    const ends = this.entries.get(keyOf(ban))?.ends ?? 0
    return ends === Infinity ? undefined : Math.max(ends - this.clock.monotonic(), 0)
  }
  /** Those in force, oldest first. */
  list(): readonly Ban[] {
    return [...this.entries.values()].filter((entry) => this.holds(entry)).map(({ ban }) => ban)
  }

  /** Forgets what has been over for a day. */
  purge(): void {
    const now = this.clock.monotonic()
    const old = [...this.entries.values()].filter(({ ban, ends }) => now >= ends + (ban.automatic ? THRESHOLDS.rememberedMs : 0)).map(({ ban }) => ban)
    if (old.length === 0) return
    for (const ban of old) this.leave(ban)
    try {
      this.table.delete(old)
    } catch (error) {
      this.log.warn('bans that are over stay in the database', { bans: old.length, error })
    }
  }

  private holds({ ends }: Entry): boolean {
    return ends > this.clock.monotonic()
  }

  private enter(ban: Ban): void {
    this.leave(ban)
    const { since, until } = ban
    // A machine whose clock begins in 1970 does not keep a ban for decades.
    const left = until === undefined ? Infinity : Math.min(until - this.clock.now(), until - since)
    const entry: Entry = { ban, prefix: ban.kind === 'network' ? prefixOfTarget(ban.target) : undefined, ends: this.clock.monotonic() + left }
    this.entries.set(keyOf(ban), entry)
    if (entry.prefix) this.networks(entry.prefix).set(entry.prefix.base, entry)
  }

  private leave(ban: Ban): void {
    const entry = this.entries.get(keyOf(ban))
    if (!entry) return
    this.entries.delete(keyOf(ban))
    if (!entry.prefix) return
    const networks = this.networks(entry.prefix)
    networks.delete(entry.prefix.base)
    if (networks.size === 0) this.byLength.delete(`${entry.prefix.family}/${entry.prefix.length}`)
  }

  private networks({ family, length }: Prefix): Map<bigint, Entry> {
    const key = `${family}/${length}`
    const networks = this.byLength.get(key) ?? new Map<bigint, Entry>()
    this.byLength.set(key, networks)
    return networks
  }

  /** The automatic one that ends first gives way. */
  private makeRoom(): void {
    let count = 0
    let first: Entry | undefined
    for (const entry of this.entries.values()) {
      if (!entry.ban.automatic) continue
      count++
      if (!first || entry.ends < first.ends) first = entry
    }
    if (count < BOUNDS.automaticBans || !first) return
    this.leave(first.ban)
    try {
      this.table.delete([first.ban])
    } catch (error) {
      this.log.warn('a ban that gave way stays in the database', { network: first.ban.target, error })
    }
  }
}
