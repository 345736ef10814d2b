import type { Clock } from '../../core/api.ts'
import { pairOf, type Place } from './place.ts'
import { ScoreTable, type Score } from './score-table.ts'
import { BOUNDS, THRESHOLDS } from './thresholds.ts'

interface PairScore extends Score {
  /** Its network was charged for a new name. */
  charged: boolean
}
interface NetworkScore extends Score {
  failures: number
  since: number
  /** Hashes of the names that failed, at most BOUNDS.namesOfNetwork. */
  names: number[]
}
/** What a network has come to with a failure. `since`: monotonic ms. */
export interface Failure {
  readonly points: number
  readonly failures: number
  readonly names: number
  readonly since: number
}

/** Below that many points it begins anew. */
const NOTHING = 0.5

/** Failed logins by pair of name and network, by name, by network, by /48: points that fade. */
export class FailureBook {
  private readonly pairs = new ScoreTable<PairScore>(BOUNDS.pairs, (at) => ({ points: 0, at, charged: false }))
  private readonly accounts = new ScoreTable<Score>(BOUNDS.accounts, (at) => ({ points: 0, at }))
  private readonly networks = new ScoreTable<NetworkScore>(BOUNDS.networks, (at) => ({ points: 0, at, failures: 0, since: at, names: [] }))
  private readonly sites = new ScoreTable<NetworkScore>(BOUNDS.sites, (at) => ({ points: 0, at, failures: 0, since: at, names: [] }))

  constructor(
    private readonly clock: Clock,
    private readonly halfLifeMs: () => number,
  ) {}

  get size(): { readonly pairs: number; readonly accounts: number; readonly networks: number; readonly sites: number } {
    return { pairs: this.pairs.size, accounts: this.accounts.size, networks: this.networks.size, sites: this.sites.size }
  }

  ofPair(pair: string): number {
    return this.pairs.points(pair, ...this.time)
  }
  ofAccount(account: string): number {
    return this.accounts.points(account, ...this.time)
  }
  ofNetwork(network: string): number {
    return this.networks.points(network, ...this.time)
  }
  failedPair(pair: string): void {
    const entry = this.pairs.touch(pair, ...this.time)
    entry.points += THRESHOLDS.failure
  }
  /** Points after it. */
  failedAccount(account: string): number {
    const entry = this.accounts.touch(account, ...this.time)
    return (entry.points += THRESHOLDS.failure)
  }
  /** `known`: the user has logged in there before. */
  failedNetwork(network: string, account: string, known: boolean): Failure {
    const { charged, failure } = this.charge(this.networks, network, account, known)
    const pair = charged ? this.pairs.get(pairOf(account, network)) : undefined
    if (pair) pair.charged = true
    return failure
  }
  failedSite(site: string, account: string, known: boolean): Failure {
    return this.charge(this.sites, site, account, known).failure
  }

  /** Takes back what the pair has cost its network and its name; gives the failures that were. */
  succeeded(pair: string, account: string, { network, site }: Place): number {
    const entry = this.pairs.get(pair)
    if (!entry) return 0
    const points = this.ofPair(pair)
    this.pairs.delete(pair)
    const cost = points + (entry.charged ? THRESHOLDS.newName - THRESHOLDS.failure : 0)
    this.accounts.forgive(account, points, ...this.time)
    this.networks.forgive(network, cost, ...this.time)
    if (site !== undefined) this.sites.forgive(site, cost, ...this.time)
    return Math.round(points)
  }

  /** With the ban it begins anew. */
  banned(target: string): void {
    this.networks.delete(target)
    this.sites.delete(target)
  }
  forgetNetwork(matches: (network: string) => boolean): void {
    this.networks.deleteWhere(matches)
    this.sites.deleteWhere(matches)
    for (const pair of this.pairs.keys()) {
      const [network, account] = [pair.slice(0, pair.indexOf(' ')), pair.slice(pair.indexOf(' ') + 1)]
      if (!matches(network)) continue
      this.accounts.forgive(account, this.ofPair(pair), ...this.time)
      this.pairs.delete(pair)
    }
  }
  forgetUser(account: string): boolean {
    const pairs = this.pairs.deleteWhere((pair) => pair.slice(pair.indexOf(' ') + 1) === account)
    return this.accounts.delete(account) || pairs > 0
  }
  /** 0: none. */
  accountsAbove(points: number): readonly { readonly user: string; readonly points: number }[] {
    if (points === 0) return []
    return this.accounts.keys().map((user) => ({ user, points: this.ofAccount(user) })).filter((account) => account.points >= points)
  }

  private charge(table: ScoreTable<NetworkScore>, key: string, account: string, known: boolean): { readonly charged: boolean; readonly failure: Failure } {
    const entry = table.touch(key, ...this.time)
    if (entry.points < NOTHING) Object.assign(entry, { failures: 0, since: entry.at, names: [] })
    const name = hashOf(account)
    const fresh = account !== '' && !entry.names.includes(name)
    if (fresh && entry.names.length < BOUNDS.namesOfNetwork) entry.names.push(name)
    const charged = fresh && !known
    entry.points += charged ? THRESHOLDS.newName : THRESHOLDS.failure
    entry.failures++
    return { charged, failure: { points: entry.points, failures: entry.failures, names: entry.names.length, since: entry.since } }
  }

  private get time(): readonly [number, number] {
    return [this.clock.monotonic(), this.halfLifeMs()]
  }
}

/** FNV-1a, 32 bits: two names of one network that collide count as one. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}
