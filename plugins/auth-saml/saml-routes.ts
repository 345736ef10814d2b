import { GatewayError, PeerError, type Audit, type Clock, type GroupConfig, type HttpAnswer, type HttpRequest, type HttpRoute, type Logger } from '../../core/api.ts'
import { CLOCK_SKEW_MS } from './assertion.ts'
import { typedCode } from './base62.ts'
import type { AuthSamlConfig } from './config.ts'
import { identityOf, NotAllowed } from './identity-of.ts'
import type { IdpMetadata } from './idp-metadata.ts'
import { codePage, confirmPage, donePage, errorPage, handOverPage, postPage, redirect } from './pages.ts'
import { PENDING_LIMITS, same, type PendingLogin, type PendingLogins } from './pending-logins.ts'
import type { ReplayTable } from './replay-table.ts'
import { ERROR_COOKIE, TOKEN_COOKIE } from './saml-backend.ts'
import { acceptResponse, decodePosted, loginRequest } from './service-provider.ts'
import type { SpKey } from './sp-key.ts'
import { metadataDocument } from './sp-metadata.ts'
import { SAML_PATHS, type SpUrls } from './sp-urls.ts'
import { sealToken } from './token-blob.ts'
import { ticketOf } from './ticket.ts'

export interface SamlRoutesParts {
  readonly clock: Clock
  readonly log: Logger
  readonly audit: Audit
  readonly logins: PendingLogins
  readonly replays: ReplayTable
  readonly key: () => SpKey
  readonly config: () => AuthSamlConfig
  readonly idp: () => IdpMetadata | undefined
  /** A signature did not fit: perhaps the identity provider has new keys. */
  readonly doubted: () => void
  readonly groups: () => ReadonlyMap<string, Pick<GroupConfig, 'auth'>>
  /** By the server name of the browser's TLS. */
  readonly urls: (serverName: string | undefined) => SpUrls
}

const CODE_COOKIE = 'posternSamlCode'
/** Where openconnect and Cisco's client listen (reference/protocol section 4.3). */
const CLIENT_URL = 'http://localhost:29786/api/sso/'

const TEXTS = {
  gone: 'This login is not known any more.',
  unavailable: 'The login page of your organisation is not known to the VPN right now.',
  refused: 'The answer of your organisation\'s login page was not accepted.',
  notAllowed: 'Your account may not use this VPN.',
  internal: 'The VPN could not finish the login.',
  slow: 'Too many wrong codes. Wait ten minutes.',
} as const

/** What browsers ask for on the VPN port: the service provider's end of SAML, and the page where a code is typed. */
export class SamlRoutes {
  constructor(private readonly parts: SamlRoutesParts) {}

  get list(): readonly HttpRoute[] {
    return [
      { methods: ['GET'], path: SAML_PATHS.login, beginsLogin: (request) => this.begun(request) === undefined, handle: (request) => this.login(request) },
      { methods: ['POST'], path: SAML_PATHS.acs, handle: (request) => this.consume(request) },
      { methods: ['GET'], path: SAML_PATHS.final, handle: (request) => (cookie(request, ERROR_COOKIE) === undefined ? donePage() : errorPage(200, textOf(cookie(request, ERROR_COOKIE)))) },
      { methods: ['GET'], path: SAML_PATHS.metadata, handle: (request) => this.metadata(request) },
      { methods: ['GET'], path: SAML_PATHS.code, beginsLogin: () => true, handle: () => codePage(SAML_PATHS.code) },
      { methods: ['POST'], path: SAML_PATHS.code, beginsLogin: () => true, handle: (request) => this.code(request) },
    ]
  }

  /** Whose browser it is: a login that its client was let begin. */
  private begun({ target }: HttpRequest): PendingLogin | undefined {
    return this.parts.logins.get(new URLSearchParams(target.split('?')[1] ?? '').get('ctx') ?? '')
  }

  /** The browser begins: it is sent to the identity provider with a request of ours. */
  private async login(request: HttpRequest): Promise<HttpAnswer> {
    const { logins, idp, key, config, log } = this.parts
    const login = this.begun(request)
    if (!login || login.done) return errorPage(404, TEXTS.gone)
    // Only the browser whose owner typed the code: a link alone must not log anybody in to a stranger's client.
    if (login.mode === 'code' && (login.browser === undefined || !same(login.browser, cookie(request, CODE_COOKIE) ?? ''))) return errorPage(404, TEXTS.gone)
    const known = idp()
    if (!known) return this.failed(login, TEXTS.unavailable, 503)
    const made = await loginRequest(login.urls, known, key(), config()['force-login'])
    if (!logins.asked(login, made.id, made.at)) return errorPage(404, TEXTS.gone)
    log.debug('browser sent to the identity provider', { peer: login.context.peer, mode: login.mode })
    return made.binding === 'redirect' ? redirect(made.url) : postPage(made.url, made.fields)
  }

  /** The browser comes back with a response. */
  private async consume(request: HttpRequest): Promise<HttpAnswer> {
    const { logins, log, clock } = this.parts
    let login: PendingLogin | undefined
    let text: string
    try {
      text = decodePosted(field(request, 'SAMLResponse') ?? '')
      login = logins.answering(requestOf(text))
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      log.debug('SAML response refused', { peer: request.connection.peer.address, reason: error.message })
      return errorPage(400, TEXTS.refused)
    }
    if (!login || login.done) return errorPage(404, TEXTS.gone)
    if (++login.answers > PENDING_LIMITS.answers) {
      logins.drop(login)
      return errorPage(404, TEXTS.gone)
    }
    try {
      const token = login.finish(await this.identify(login, text), clock.monotonic())
      login.requests.clear()
      return this.handOver(login, token)
    } catch (error) {
      return this.refused(login, request, error)
    }
  }

  private async identify(login: PendingLogin, text: string): Promise<ReturnType<typeof identityOf>> {
    const { idp, key, config, clock, replays, groups } = this.parts
    const known = idp()
    if (!known) throw new GatewayError('REFUSED', 'the identity provider is not known')
    const subject = await acceptResponse(text, { urls: login.urls, idp: known, key: key(), requests: login.requests, now: clock.now() })
    if (!replays.take(known.entityId, subject.assertionId, subject.notOnOrAfter + CLOCK_SKEW_MS, clock.now())) throw new PeerError('SAML', 'has been shown before')
    return identityOf(subject, config(), groups(), login.context.group, ticketOf(known.entityId, subject))
  }

  private handOver(login: PendingLogin, token: string): HttpAnswer {
    const { urls, mode, context } = login
    if (mode === 'code') return donePage()
    if (mode === 'embedded') return redirect(urls.final, [['Set-Cookie', clientCookie(TOKEN_COOKIE, token)], ['Set-Cookie', `${ERROR_COOKIE}=; Path=/; Max-Age=0; Secure`]])
    const blob = sealToken(token, context.strapDhKey ?? new Uint8Array())
    return handOverPage(`${CLIENT_URL}${encodeURIComponent(blob)}?return=${encodeURIComponent(urls.final)}`)
  }

  private refused(login: PendingLogin, request: HttpRequest, error: unknown): HttpAnswer {
    const { log, audit, doubted } = this.parts
    if (error instanceof GatewayError && error.code.startsWith('STORE')) {
      log.error('SAML login not possible right now', { error })
      return this.failed(login, TEXTS.internal, 503)
    }
    // The same answer twice at once: the first counts.
    if (login.done) return errorPage(404, TEXTS.gone)
    const { peer } = login.context
    const reason = error instanceof Error ? error.message.slice(0, 300) : String(error)
    if (/signature/i.test(reason)) doubted()
    log.warn('SAML login refused', { peer, browser: request.connection.peer.address, group: login.context.group, reason: error instanceof PeerError ? `the response ${reason}` : reason })
    audit.record({ action: 'login', actor: (error instanceof NotAllowed ? error.user : undefined) ?? 'unknown', peer, ok: false, detail: `saml: ${reason}, group ${login.context.group}` })
    return this.failed(login, error instanceof NotAllowed ? TEXTS.notAllowed : TEXTS.refused, 403)
  }

  /** An embedded browser hears of it by a cookie, and its client ends the login. */
  private failed(login: PendingLogin, text: string, status: number): HttpAnswer {
    if (login.mode !== 'embedded') return errorPage(status, text)
    return redirect(login.urls.final, [['Set-Cookie', clientCookie(ERROR_COOKIE, errorWord(text))]])
  }

  private code(request: HttpRequest): HttpAnswer {
    const { logins, log } = this.parts
    const { address } = request.connection.peer
    const login = logins.claim(typedCode(field(request, 'code') ?? ''), address)
    if (login === 'slow') return errorPage(429, TEXTS.slow)
    if (login === 'wrong') return codePage(SAML_PATHS.code, 'This code is not known. Codes are good for a few minutes.')
    log.info('login code typed', { peer: login.context.peer, browser: address })
    const { context } = login
    return confirmPage({ agent: context.userAgent, peer: context.peer, next: `${SAML_PATHS.login}?ctx=${login.id}` }, `${CODE_COOKIE}=${login.browser ?? ''}; Path=${SAML_PATHS.login}; Max-Age=600; Secure; HttpOnly; SameSite=Strict`)
  }

  private metadata(request: HttpRequest): HttpAnswer {
    return { status: 200, headers: [['Content-Type', 'application/samlmetadata+xml; charset=utf-8'], ['X-Content-Type-Options', 'nosniff']], body: metadataDocument(this.parts.urls(request.connection.serverName), this.parts.key().certificate) }
  }
}

/** Whose answer it claims to be, found without parsing: what answers nobody costs nothing more. */
const requestOf = (text: string): string => /\sInResponseTo\s*=\s*["']([^"'<>&]{1,128})["']/.exec(text.slice(0, 8192))?.[1] ?? ''

/** One field of a form; undefined when it is missing or there twice. */
export function field(request: HttpRequest, name: string): string | undefined {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type')?.[0] ?? '')) return undefined
  const values = new URLSearchParams(Buffer.from(request.body).toString('latin1')).getAll(name)
  return values.length === 1 ? values[0] : undefined
}

const cookie = ({ headers }: HttpRequest, name: string): string | undefined =>
  headers.get('cookie')?.join('; ').split(/;\s*/).find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) || undefined

/** Clients look for it in every page; a minute is what the token lives. */
const clientCookie = (name: string, value: string): string => `${name}=${value}; Path=/; Max-Age=60; Secure; SameSite=Lax`
/** The client shows the value as the reason. */
const errorWord = (text: string): string => text.replace(/[^A-Za-z0-9]+/g, '_').replace(/_$/, '')
const textOf = (word: string | undefined): string => Object.values(TEXTS).find((text) => errorWord(text) === word) ?? TEXTS.internal
