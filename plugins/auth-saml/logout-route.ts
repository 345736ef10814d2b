import { PeerError, type Audit, type Clock, type HttpAnswer, type HttpRequest, type HttpRoute, type Logger, type Sessions } from '../../core/api.ts'
import type { IdpMetadata } from './idp-metadata.ts'
import { LOGOUT_AGE_MS, logoutAnswerUrl, readPostedLogout, readRedirectedLogout, type LogoutParts, type LogoutRequest } from './logout-request.ts'
import { errorPage, loggedOutPage, redirect } from './pages.ts'
import type { ReplayTable } from './replay-table.ts'
import { field } from './saml-routes.ts'
import { decodePosted } from './service-provider.ts'
import type { SpKey } from './sp-key.ts'
import { SAML_PATHS, type SpUrls } from './sp-urls.ts'
import { isMeant } from './ticket.ts'

export interface LogoutRouteParts {
  readonly clock: Clock
  readonly log: Logger
  readonly audit: Audit
  readonly sessions: Pick<Sessions, 'list' | 'end'>
  readonly replays: ReplayTable
  readonly key: () => SpKey
  readonly idp: () => IdpMetadata | undefined
  readonly urls: (serverName: string | undefined) => SpUrls
}

const TEXT = 'The VPN has not been logged out: the request of your organisation\'s login page was not accepted.'

/** The identity provider has logged somebody out: what sessions came of that login end. */
export class LogoutRoute implements HttpRoute {
  readonly methods = ['GET', 'POST']
  readonly path = SAML_PATHS.logout
  constructor(private readonly parts: LogoutRouteParts) {}

  async handle(request: HttpRequest): Promise<HttpAnswer> {
    const { clock, log, idp, key, urls, replays } = this.parts
    const known = idp()
    if (!known) return errorPage(503, TEXT)
    const parts: LogoutParts = { urls: urls(request.connection.serverName), idp: known, key: key(), now: clock.now() }
    const posted = request.method === 'POST'
    const query = request.target.split('?').slice(1).join('?')
    try {
      const wanted = posted ? await readPostedLogout(decodePosted(field(request, 'SAMLRequest') ?? ''), parts) : readRedirectedLogout(query, parts)
      if (!replays.take(known.entityId, wanted.id, parts.now + 2 * LOGOUT_AGE_MS, parts.now)) throw new PeerError('SAML', 'has been shown before')
      this.end(wanted, known, request.connection.peer.address)
      const relayState = (posted ? field(request, 'RelayState') : new URLSearchParams(query).get('RelayState')) ?? ''
      const url = await logoutAnswerUrl(wanted, relayState, parts)
      return url === undefined ? loggedOutPage() : redirect(url)
    } catch (error) {
      if (!(error instanceof PeerError) && posted === false) throw error
      log.debug('SAML logout refused', { peer: request.connection.peer.address, reason: error instanceof Error ? error.message : String(error) })
      return errorPage(403, TEXT)
    }
  }

  private end({ nameId, indexes }: LogoutRequest, idp: IdpMetadata, peer: string): void {
    const { sessions, audit, log } = this.parts
    for (const session of sessions.list().filter(({ ticket }) => isMeant(ticket, idp.entityId, nameId, indexes))) {
      sessions.end(session.id, 'user', 'You have been logged out by your organisation.')
      audit.record({ action: 'logout', actor: session.user, subject: session.id, peer, ok: true, detail: 'by the identity provider' })
      log.info('logout by the identity provider', { session: session.id, user: session.user })
    }
  }
}
