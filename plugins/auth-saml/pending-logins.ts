import { timingSafeEqual } from 'node:crypto'
import { sourceNetwork, type AuthContext, type Clock, type Identity } from '../../core/api.ts'
import { randomCode, randomToken } from './base62.ts'
import type { SpUrls } from './sp-urls.ts'

/** Logins in a browser that are under way at once; beyond that the oldest of the network, or of the most crowded one, gives way. */
export const PENDING_LIMITS = { total: 2000, perNetwork: 128, requests: 5, answers: 5, guesses: 10, guessers: 4096 } as const
/** A login is forgotten after this time, done or not. */
export const PENDING_MS = 600_000
/** What the browser was given, the client must bring in this time. */
export const TOKEN_MS = 60_000
const GUESS_WINDOW_MS = 600_000

/** `code`: the browser is elsewhere, and its owner types a code. */
export type Mode = 'embedded' | 'external' | 'code'

/** One login in a browser, bound to one step of one dialogue: that step alone can end it. */
export class PendingLogin {
  /** In the URL of the browser; worth nothing to who does not hold the dialogue. */
  readonly id = randomToken()
  readonly code: string | undefined
  /** Cookie of the one browser that typed the code. */
  browser: string | undefined
  /** When they were made, RFC 3339, by the id of the request: each is answered once. */
  readonly requests = new Map<string, string>()
  answers = 0
  readonly network: string
  private outcome: { readonly token: string; readonly identity: Identity; readonly until: number } | undefined

  constructor(
    readonly mode: Mode,
    readonly urls: SpUrls,
    readonly context: AuthContext,
    readonly begun: number,
  ) {
    this.network = sourceNetwork(context.peer)
    this.code = mode === 'code' ? randomCode() : undefined
  }

  get done(): boolean {
    return this.outcome !== undefined
  }

  /** The browser has shown who it is. Returns the token for the client. `now`: monotonic. */
  finish(identity: Identity, now: number): string {
    const token = randomToken()
    this.outcome = { token, identity, until: now + (this.mode === 'code' ? PENDING_MS : TOKEN_MS) }
    return token
  }

  /** Whom the token stands for, once. With a code the dialogue itself is the proof. */
  redeem(sent: string, now: number): Identity | undefined {
    const { outcome } = this
    if (!outcome) return undefined
    const right = this.mode === 'code' || same(outcome.token, sent)
    if (!right || now > outcome.until) return undefined
    this.outcome = undefined
    return outcome.identity
  }
}

export const same = (kept: string, sent: string): boolean => {
  const [a, b] = [Buffer.from(kept), Buffer.from(sent)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** All of them, bounded in number, by source network and in time. */
export class PendingLogins {
  private readonly byId = new Map<string, PendingLogin>()
  private readonly byCode = new Map<string, PendingLogin>()
  private readonly byRequest = new Map<string, PendingLogin>()
  private readonly guesses = new Map<string, { count: number; readonly since: number }>()

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.byId.size
  }

  open(mode: Mode, urls: SpUrls, context: AuthContext): PendingLogin {
    this.expire()
    const login = new PendingLogin(mode, urls, context, this.clock.monotonic())
    const neighbours = [...this.byId.values()].filter(({ network }) => network === login.network)
    if (neighbours.length >= PENDING_LIMITS.perNetwork) this.drop(neighbours[0])
    if (this.byId.size >= PENDING_LIMITS.total) this.drop(this.crowdedOut())
    this.byId.set(login.id, login)
    if (login.code !== undefined) this.byCode.set(login.code, login)
    return login
  }

  get(id: string): PendingLogin | undefined {
    this.expire()
    return this.byId.get(id)
  }

  /** Notes a request to the identity provider; false when this login has had enough of them. */
  asked(login: PendingLogin, request: string, at: string): boolean {
    if (login.requests.size >= PENDING_LIMITS.requests) return false
    login.requests.set(request, at)
    this.byRequest.set(request, login)
    return true
  }

  /** Whose request it was. */
  answering(request: string): PendingLogin | undefined {
    this.expire()
    return this.byRequest.get(request)
  }

  /**
   * The login of a code that somebody types, once: `wrong` for any that is none, `slow` for who has tried too often.
   */
  claim(code: string, peer: string): PendingLogin | 'wrong' | 'slow' {
    this.expire()
    const network = sourceNetwork(peer)
    const now = this.clock.monotonic()
    const earlier = this.guesses.get(network)
    const tries = earlier && now - earlier.since < GUESS_WINDOW_MS ? earlier : { count: 0, since: now }
    if (tries.count >= PENDING_LIMITS.guesses) return 'slow'
    const login = this.byCode.get(code)
    if (!login) {
      tries.count++
      this.guesses.delete(network)
      this.guesses.set(network, tries)
      const [oldest] = this.guesses.keys()
      if (this.guesses.size > PENDING_LIMITS.guessers && oldest !== undefined) this.guesses.delete(oldest)
      return 'wrong'
    }
    this.byCode.delete(code)
    login.browser = randomToken()
    return login
  }

  drop(login: PendingLogin | undefined): void {
    if (!login) return
    this.byId.delete(login.id)
    if (login.code !== undefined) this.byCode.delete(login.code)
    for (const request of login.requests.keys()) this.byRequest.delete(request)
  }

  /** The oldest of the network that has the most. */
  private crowdedOut(): PendingLogin | undefined {
    const networks = new Map<string, { readonly oldest: PendingLogin; size: number }>()
    for (const login of this.byId.values()) {
      const network = networks.get(login.network)
      if (network) network.size++
      else networks.set(login.network, { oldest: login, size: 1 })
    }
    return [...networks.values()].reduce((crowd, one) => (one.size > crowd.size ? one : crowd)).oldest
  }

  // All live equally long, so the oldest expire first.
  private expire(): void {
    const limit = this.clock.monotonic() - PENDING_MS
    for (const login of this.byId.values()) {
      if (login.begun > limit) return
      this.drop(login)
    }
  }
}
