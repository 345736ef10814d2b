import { formatAddress, nthAddress, parseAddress, parsePrefix, prefixSize, contains, type Family, type Prefix } from '../net/address.ts'

/** Addresses of one family that a pool hands out at most; a larger prefix keeps the rest unused. */
export const MAX_POOL_ADDRESSES = 1_048_576

/**
 * Which addresses of one prefix are held, resting or free. Pure: an address is its number counted from the network
 * address, time is a number handed in. Every operation costs O(1), amortised over the life of the pool.
 *
 * Number 0 (network, subnet-router anycast), 1 (the gateway) and the IPv4 broadcast address are never handed out.
 */
export class LeasePool {
  readonly prefix: Prefix
  private readonly last: number
  /** Numbers below have been given out before: each is in `held` or in `resting`, or is in `kept`. */
  private next = 2
  /** Passed over because they were somebody's own then. */
  private readonly kept = new Set<number>()
  private readonly held = new Set<number>()
  /** Given back, oldest first: until when only the last holder may have it, and who that was. */
  private readonly resting = new Map<number, { readonly until: number; readonly owner: string }>()
  private readonly lastOf = new Map<string, number>()

  /** `text`: a prefix as `formatPrefix` writes it. */
  constructor(readonly text: string) {
    const prefix = parsePrefix(text)
    if (!prefix) throw new Error(`${text} is not a prefix`)
    this.prefix = prefix
    const size = prefixSize(prefix) - (prefix.family === 4 ? 1n : 0n)
    this.last = Math.min(Number(size) - 1, MAX_POOL_ADDRESSES + 1)
  }

  get family(): Family {
    return this.prefix.family
  }
  /** Addresses that can be handed out. */
  get size(): number {
    return Math.max(0, this.last - 1)
  }
  get inUse(): number {
    return this.held.size
  }

  /**
   * The owner's last address while nobody else holds it, else `wish` if it is free, else one never given out, else the one
   * that rests longest and whose quarantine is over. undefined: none is left. Numbers that are `another`'s are passed over.
   */
  claim(owner: string, now: number, wish?: number, another: (number: number) => boolean = () => false): number | undefined {
    const mine = this.lastOf.get(owner)
    if (mine !== undefined && this.resting.get(mine)?.owner === owner && !another(mine)) return this.take(mine)
    if (wish !== undefined && this.isFree(wish, now) && !another(wish)) return this.take(wish)
    for (; this.next <= this.last; this.next++) {
      if (this.held.has(this.next) || this.resting.has(this.next) || this.kept.has(this.next)) continue
      if (!another(this.next)) return this.take(this.next++)
      this.kept.add(this.next)
    }
    for (const [number, { until }] of this.resting) {
      if (until > now) break
      if (!another(number)) return this.take(number)
    }
    for (const number of this.kept) if (!this.held.has(number) && !this.resting.has(number) && !another(number)) return this.take(number)
    return undefined
  }
  /** This one, for the owner it belongs to, whoever had it before. False: it is held. */
  claimOwn(number: number): boolean {
    if (this.held.has(number)) return false
    this.take(number)
    return true
  }
  /** When the rest of the one that rests longest is over; undefined: none rests. */
  get nextFree(): number | undefined {
    return this.resting.values().next().value?.until
  }

  /** Back into the pool; `owner` alone may have it again before `until`. */
  release(number: number, owner: string, until: number): void {
    if (!this.held.delete(number)) return
    this.rest(number, owner, until)
  }

  /** A row read at start. */
  restoreHeld(number: number): void {
    this.forget(number)
    this.held.add(number)
  }
  restoreResting(number: number, owner: string, until: number): void {
    if (!this.held.has(number)) this.rest(number, owner, until)
  }

  /** Numbers that somebody holds. */
  get holding(): Iterable<number> {
    return this.held
  }
  /** What rests, oldest first. */
  get rests(): Iterable<readonly [number: number, rest: { readonly until: number; readonly owner: string }]> {
    return this.resting
  }

  address(number: number): string {
    const address = nthAddress(this.prefix, number)
    if (!address) throw new RangeError(`${number} is outside the pool`)
    return formatAddress(address)
  }
  /** undefined: not an address that this pool hands out. */
  numberOf(text: string): number | undefined {
    const address = parseAddress(text)
    if (!address || !contains(this.prefix, address)) return undefined
    const number = Number(address.value - this.prefix.base)
    return number >= 2 && number <= this.last ? number : undefined
  }

  private isFree(number: number, now: number): boolean {
    if (number < 2 || number > this.last || this.held.has(number)) return false
    const rest = this.resting.get(number)
    return rest === undefined || rest.until <= now
  }
  private take(number: number): number {
    this.forget(number)
    this.kept.delete(number)
    this.held.add(number)
    return number
  }
  private rest(number: number, owner: string, until: number): void {
    this.resting.delete(number)
    this.resting.set(number, { until, owner })
    this.lastOf.set(owner, number)
  }
  private forget(number: number): void {
    const rest = this.resting.get(number)
    if (!rest) return
    this.resting.delete(number)
    if (this.lastOf.get(rest.owner) === number) this.lastOf.delete(rest.owner)
  }
}
