import type { Audit, Barred, Clock, Logger, LoginAttempt, LoginGuard, RefusalReason } from '../../core/api.ts'
import type { AttackWatch } from './attack-watch.ts'
import { banText } from './ban.ts'
import type { BanList } from './ban-list.ts'
import type { GuardSettings } from './config.ts'
import { FailureBook, type Failure } from './failure-book.ts'
import type { GuardCounters } from './guard-counters.ts'
import type { KnownPlaces } from './known-places.ts'
import { accountOf, pairOf, placeOf, within, type Place } from './place.ts'
import { BOUNDS, delayAt, THRESHOLDS } from './thresholds.ts'
import type { WaitingRoom } from './waiting-room.ts'

export interface GuardParts {
  readonly audit: Audit
  readonly bans: BanList
  readonly clock: Clock
  readonly counters: GuardCounters
  readonly known: KnownPlaces
  readonly log: Logger
  readonly room: WaitingRoom
  readonly watch: AttackWatch
}
type Refusal = { readonly reason: RefusalReason; readonly text: string }
interface Attempt {
  readonly place: Place
  readonly account: string
  readonly pair: string
  readonly trusted: boolean
  /** The user has logged in there before; asked only where it matters. */
  known(): boolean
}

const LOCKED: Refusal = { reason: 'locked', text: 'Too many failed attempts for this account. Please try again later.' }
const CROWDED: Refusal = { reason: 'unavailable', text: 'Too many logins are waiting. Please try again in a minute.' }

/** Who is slowed, who is turned away, and who never; README.md has the rules as a table. */
export class Guard implements LoginGuard {
  readonly name = 'login-guard'
  private readonly book: FailureBook

  constructor(
    private readonly parts: GuardParts,
    public settings: GuardSettings,
  ) {
    this.book = new FailureBook(parts.clock, () => this.settings.halfLifeMs)
  }

  /** Banned, and nobody is at home there for whom an automatic ban does not count. */
  barred(peer: string): Barred | undefined {
    const { bans, counters, known, watch } = this.parts
    const place = placeOf(peer)
    const ban = place && bans.of(place.address)
    if (!ban || (ban.automatic && (this.unbannable(place) || known.hasAnyone(place.network, this.settings.knownMs)))) return undefined
    counters.turnedAway++
    watch.turnedAway(place.network)
    const left = bans.left(ban)
    return { text: banText(ban, left), ...(left !== undefined && { retryAfterSec: Math.max(Math.ceil(left / 1000), 1) }) }
  }

  async admit(attempt: LoginAttempt): Promise<Refusal | undefined> {
    const { clock, counters, room, watch } = this.parts
    const one = this.attempt(attempt)
    if (!one) return undefined
    const connected = (): boolean => attempt.connected?.() ?? true
    const arrived = clock.monotonic()
    for (let slowed = false; ; slowed = true) {
      const refusal = this.refusal(one)
      if (refusal) {
        counters.turnedAway++
        watch.turnedAway(one.place.network)
        return refusal
      }
      const left = arrived + this.delay(one) - clock.monotonic()
      if (left <= 0) break
      if (!slowed) counters.slowed++
      const { pair, account, place: { network } } = one
      const end = await room.wait({ pair, account, network, connected }, left)
      if (end === 'full' || !connected()) {
        if (end === 'full') counters.overflowed++
        return CROWDED
      }
    }
    return undefined
  }

  failed(attempt: LoginAttempt): void {
    const one = this.attempt(attempt)
    if (!one) return
    const { account, pair, place, trusted } = one
    this.parts.counters.failures++
    this.parts.watch.failed(account, place.network)
    if (account !== '') this.book.failedPair(pair)
    // Who holds a certificate or a session is no stranger trying names: only the own attempts are slowed.
    if (trusted) return
    if (account !== '') this.failedAccount(account, place)
    if (within(this.settings.allow, place)) return
    const known = one.known()
    this.count(place.network, this.settings.banAfter, this.book.failedNetwork(place.network, account, known), place)
    if (place.site !== undefined) this.count(place.site, this.settings.banAfter * THRESHOLDS.siteFactor, this.book.failedSite(place.site, account, known), place)
  }

  succeeded(attempt: LoginAttempt): void {
    const one = this.attempt(attempt)
    if (!one || one.account === '') return
    const { account, pair, place } = one
    const { known, room, watch } = this.parts
    known.add(account, place.network)
    const forgiven = this.book.succeeded(pair, account, place)
    if (forgiven > 0) watch.forgiven(account, forgiven)
    room.wake((waiter) => waiter.pair === pair)
  }

  /** Counters of what a ban was lifted from. */
  forgetNetwork(matches: (network: string) => boolean): void {
    this.book.forgetNetwork(matches)
    this.parts.room.wake(({ network }) => matches(network))
  }
  forgetUser(account: string): boolean {
    const forgotten = this.book.forgetUser(account)
    this.parts.room.wake((waiter) => waiter.account === account)
    return forgotten
  }
  /** Names that `lock-after` keeps out of unknown networks now, and for how long, ms. */
  locked(): readonly { readonly user: string; readonly leftMs: number }[] {
    return this.book.accountsAbove(this.settings.lockAfter).map(({ user, points }) => ({ user, leftMs: this.settings.halfLifeMs * Math.log2(points / this.settings.lockAfter) }))
  }

  private attempt({ peer, user, trusted }: LoginAttempt): Attempt | undefined {
    const place = placeOf(peer)
    if (!place) return undefined
    const account = accountOf(user)
    return { place, account, pair: pairOf(account, place.network), trusted, known: () => account !== '' && this.parts.known.has(account, place.network, this.settings.knownMs) }
  }

  private refusal({ place, account, trusted, known }: Attempt): Refusal | undefined {
    const { bans } = this.parts
    const ofUser = account === '' ? undefined : bans.ofUser(account)
    if (ofUser) return { reason: 'locked', text: banText(ofUser, bans.left(ofUser)) }
    if (trusted) return undefined
    const ban = bans.of(place.address)
    if (ban && (!ban.automatic || !(this.unbannable(place) || known()))) return { reason: 'banned', text: banText(ban, bans.left(ban)) }
    const { lockAfter } = this.settings
    return lockAfter > 0 && account !== '' && this.book.ofAccount(account) >= lockAfter && !known() ? LOCKED : undefined
  }

  private delay({ place, account, pair, trusted, known }: Attempt): number {
    const { allow, banAfter } = this.settings
    const own = account === '' ? 0 : this.book.ofPair(pair)
    let delay = delayAt(own, THRESHOLDS.freePair)
    if (!trusted) {
      const ofAccount = account === '' ? 0 : delayAt(this.book.ofAccount(account), THRESHOLDS.freeAccount)
      const ofNetwork = within(allow, place) ? 0 : delayAt(this.book.ofNetwork(place.network), banAfter / 2)
      const others = Math.max(ofAccount, ofNetwork)
      if (others > delay && !known()) delay = others
    }
    return delay
  }

  private failedAccount(account: string, place: Place): void {
    const { audit, log } = this.parts
    const { lockAfter } = this.settings
    const before = this.book.ofAccount(account)
    const points = this.book.failedAccount(account)
    if (lockAfter === 0 || before >= lockAfter || points < lockAfter) return
    log.warn('too many failures: the name is refused from networks where it is not known', { user: account, peer: place.network })
    audit.record({ action: 'login.lock', actor: this.name, subject: account, peer: place.network, ok: true, detail: `${lockAfter} points of failed logins` })
  }

  private count(target: string, limit: number, failure: Failure, place: Place): void {
    const { audit, bans, clock, counters, log, room } = this.parts
    if (failure.points < limit || this.unbannable(place) || bans.at('network', target)) return
    const { failures, names, since } = failure
    const reason = `${failures} failures in ${span(clock.monotonic() - since)} for ${names >= BOUNDS.namesOfNetwork ? `${names} or more` : names} ${names === 1 ? 'name' : 'names'}`
    const ban = bans.addAutomatic(target, reason, this.settings.banMs)
    counters.bans++
    const until = new Date(ban.until ?? 0).toISOString()
    log.warn('network banned from logins', { network: target, until, reason })
    audit.record({ action: 'ban.add', actor: this.name, subject: target, peer: place.network, ok: true, detail: `${reason}, until ${until}` })
    this.book.banned(target)
    // Those that wait read why at once.
    room.wake(({ network }) => network === target || placeOf(network.split('/')[0] ?? '')?.site === target)
  }

  private unbannable(place: Place): boolean {
    return within(this.settings.neverBan, place) || within(this.settings.allow, place)
  }
}

const span = (ms: number): string => (ms < 90_000 ? `${Math.max(Math.round(ms / 1000), 1)} s` : `${Math.round(ms / 60_000)} min`)
