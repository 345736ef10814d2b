import {
  formatEndpoint, GatewayError, PeerError, pooledRandomBytes,
  type AdmissionRule, type AuthBackend, type AuthContext, type AuthForm, type Barred, type ClientProfile, type Clock, type ConnectionInfo, type HttpRequest, type Identity, type Audit, type Logger, type LoginGuard, type RefusalReason, type Session,
  type Sessions,
} from '../../core/api.ts'
import { alternativesOf } from './alternatives.ts'
import { authRequestDocument, certificateRequestDocument, completeDocument, logoutDocument, refusalDocument, secondCertificateDocument, unparsableDocument, type Dialect } from './auth-documents.ts'
import { readClientDocument, type ClientDocument, type ClientFacts } from './client-document.ts'
import { clearCookie, setCookie, updateCookies } from './cookies.ts'
import type { Counters } from './counters.ts'
import { dialledNames, dialledOrigin } from './dialled-names.ts'
import type { DialogueOutcome, Failure } from './dialogue-outcome.ts'
import { Dialogue } from './dialogue.ts'
import type { Dialogues, OpenDialogue } from './dialogues.ts'
import { groupOf } from './group-of.ts'
import type { ChosenGroup } from './group-choice.ts'
import { dynamicSplitNodes, knowsDynamicSplit } from './dynamic-split.ts'
import { barredBy } from './login-guards.ts'
import { LoginPlaces } from './login-places.ts'
import { LoginRecords, type LoginPlace } from './login-records.ts'
import { BUSY_TEXT, LOGIN_REFUSALS, refusalText, STALE_TEXT, UNPARSABLE_TEXT, USER_BUSY_TEXT } from './refusals.ts'
import { bindingKey, strapDhKey, strapKey } from './strap.ts'
import { clientFamily, printable } from './user-agent.ts'
import type { VirtualHost, VirtualHosts } from './virtual-hosts.ts'

/** One POST of the login, or the GET of a client without aggregate authentication (no body). */
export interface LoginRequest {
  readonly peer: { readonly address: string; readonly port: number }
  readonly path: string
  readonly userAgent: string
  /** The client sent `X-Aggregate-Auth`. */
  readonly aggregate: boolean
  readonly cookies: ReadonlyMap<string, string>
  readonly headers: HttpRequest['headers']
  readonly connection: ConnectionInfo
  readonly body: Uint8Array | undefined
  /** Whether somebody still waits for the answer. */
  connected(): boolean
}
export interface LoginAnswer {
  readonly status: number
  readonly body: string
  readonly cookies: readonly string[]
  readonly close?: boolean
  /** With 403. */
  readonly barred?: Barred
}

export interface AggregateAuthParts {
  readonly sessions: Sessions
  readonly audit: Audit
  readonly clock: Clock
  readonly log: Logger
  readonly dialogues: Dialogues
  readonly hosts: VirtualHosts
  readonly counters: Counters
  readonly backends: () => readonly AuthBackend[]
  readonly guards: () => readonly LoginGuard[]
  /** `friendly-login-texts` of now. */
  readonly friendly: () => boolean
  readonly admissions: () => readonly AdmissionRule[]
  readonly profile: (session: Session) => ClientProfile | undefined
  /** Of the whole gateway, 0 = no limit. */
  readonly maxSessions: number
  /** SHA-1 of the leaf certificate that a client of this server name met, upper-case hex. */
  readonly certificateSha1: (serverName: string | undefined) => string | undefined
}

/** The login: documents in, documents and cookies out (reference/protocol section 3). Knows no socket. */
export class AggregateAuth {
  private readonly records: LoginRecords
  private readonly places = new LoginPlaces()

  constructor(private readonly parts: AggregateAuthParts) {
    this.records = new LoginRecords(parts)
  }

  async answer(request: LoginRequest): Promise<LoginAnswer> {
    let document: ClientDocument
    try {
      document = request.body === undefined ? EMPTY_INIT : readClientDocument(request.body)
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      this.parts.counters.unparsable++
      this.parts.log.debug('document refused', { peer: request.peer.address, reason: error.message })
      return { status: 400, body: unparsableDocument(UNPARSABLE_TEXT), cookies: [], close: true }
    }
    const dialect: Dialect = request.aggregate || (request.body !== undefined && document.xml) ? 'aggregate' : 'plain'
    switch (document.kind) {
      case 'init':
        return this.init(request, dialect, document.facts)
      case 'auth-reply':
        return this.reply(request, dialect, document)
      case 'logout':
        return this.logout(request, document.sessionToken ?? request.cookies.get('webvpn'))
    }
  }

  /** Why a browser need not begin a login here. Who holds the cookie of a session, or shows a certificate, may try. */
  barred({ connection }: Pick<LoginRequest, 'connection'>, cookie: string | undefined): Barred | undefined {
    if (connection.peerCertificates.length > 0 || this.holdsSession(cookie)) return undefined
    return barredBy(this.parts.guards(), connection.peer.address)
  }

  /** Ends the session of a valid cookie; says the same for any other. */
  logout(request: Pick<LoginRequest, 'peer'>, cookie: string | undefined): LoginAnswer {
    const found = cookie === undefined ? undefined : this.parts.sessions.byCookie(cookie)
    if (found && 'session' in found) {
      const { session } = found
      this.parts.sessions.end(session.id, 'user')
      this.parts.audit.record({ action: 'logout', actor: session.user, subject: session.id, peer: request.peer.address, ok: true })
      this.parts.log.info('logout', { session: session.id, user: session.user })
    }
    return { status: 200, body: logoutDocument(), cookies: [clearCookie('webvpn'), clearCookie('webvpncontext'), clearCookie('webvpnc')] }
  }

  private async init(request: LoginRequest, dialect: Dialect, facts: ClientFacts, error?: string): Promise<LoginAnswer> {
    const handle = request.cookies.get('webvpncontext')
    const earlier = this.parts.dialogues.get(handle)
    if (handle !== undefined) this.parts.dialogues.remove(handle)
    const host = this.hostOf(request)
    const chosen = host.groups.choose({ path: request.path, groupAccess: facts.groupAccess, groupSelect: facts.groupSelect })
    // Who comes back without a certificate has none, whether it says so or not; the plain dialect cannot be asked.
    const certificateMissing = facts.certificateMissing || (request.connection.peerCertificates.length === 0 && (dialect === 'plain' || earlier?.dialogue.certificateWanted === true))
    const open = this.open(request, host, chosen, { ...facts, certificateMissing })
    return this.conclude(request, dialect, open, await open.dialogue.begin(), error)
  }

  private async reply(request: LoginRequest, dialect: Dialect, { facts, values, certificate }: Extract<ClientDocument, { kind: 'auth-reply' }>): Promise<LoginAnswer> {
    const handle = facts.handle ?? request.cookies.get('webvpncontext')
    const host = this.hostOf(request)
    const kept = this.parts.dialogues.get(handle)
    // What was begun at one host is not finished at another.
    let open = kept?.host === host.name ? kept : undefined
    if (!open && handle !== undefined) return this.init(request, dialect, facts, STALE_TEXT)
    if (open?.dialogue.busy) return this.form(request, dialect, open, open.dialogue.form ?? EMPTY_FORM, BUSY_TEXT)
    // An answer where a certificate was asked for: there is none.
    if (open?.dialogue.certificateWanted === true && !open.dialogue.form) return this.init(request, dialect, { ...open.facts, certificateMissing: true })
    if (open?.dialogue.secondCertificateWanted === true) {
      const signed = Buffer.from(open.challenge ?? '')
      open.challenge = undefined
      return this.conclude(request, dialect, open, await open.dialogue.show(certificate && { ...certificate, signed }))
    }
    const picked = host.groups.bySelect(facts.groupSelect)
    if (!open) {
      // A form posted without having been asked for.
      const chosen = host.groups.choose({ path: request.path, groupAccess: facts.groupAccess, groupSelect: facts.groupSelect })
      open = this.open(request, host, chosen, { ...facts, certificateMissing: true })
      const first = await open.dialogue.begin()
      if (first.kind !== 'form') return this.conclude(request, dialect, open, first)
    } else if (picked && picked !== open.chosen.group && open.chosen.by !== 'url') {
      open = this.open(request, host, { group: picked, by: 'client' }, open.facts, open)
      const first = await open.dialogue.begin()
      if (first.kind !== 'form') return this.conclude(request, dialect, open, first)
    }
    return this.conclude(request, dialect, open, await open.dialogue.answer(values, request.connected))
  }

  private hostOf({ connection }: LoginRequest): VirtualHost {
    return this.parts.hosts.at(connection)
  }

  private open(request: LoginRequest, host: VirtualHost, chosen: ChosenGroup, facts: ClientFacts, earlier?: OpenDialogue): OpenDialogue {
    const alternatives = alternativesOf(chosen.group.auth, this.parts.backends())
    if (alternatives.length === 0) this.records.missing(chosen.group.name)
    const place = placeOf(request, chosen.group.name)
    const dialogue = new Dialogue({
      alternatives,
      context: this.context(request, host, chosen, facts),
      guards: this.parts.guards(),
      places: this.places,
      trusted: this.holdsSession(request.cookies.get('webvpn')),
      friendly: this.parts.friendly(),
      ...(earlier && { tries: earlier.dialogue.failures }),
      passedOver: (failure) => this.records.passedOver(failure, place, failure.reason === 'certificate-refused' && request.connection.peerCertificates.length === 0),
      abandoned: (failure) => this.records.abandoned(failure, place),
    })
    return this.parts.dialogues.add(request.peer.address, { dialogue, host: host.name, chosen, facts }, earlier?.handle)
  }

  private holdsSession(cookie: string | undefined): boolean {
    const found = cookie === undefined ? undefined : this.parts.sessions.byCookie(cookie)
    return found !== undefined && 'session' in found
  }

  private context(request: LoginRequest, host: VirtualHost, chosen: ChosenGroup, facts: ClientFacts): AuthContext {
    const { connection, headers } = request
    return {
      peer: request.peer.address,
      group: chosen.group.name,
      host: host.name,
      origin: dialledOrigin(request, this.parts.hosts.publicName(host.name)),
      userAgent: printable(request.userAgent),
      capabilities: facts.capabilities,
      platform: facet(facts.platform),
      uniqueId: facet(facts.uniqueId),
      certificates: connection.peerCertificates,
      certificateMissing: facts.certificateMissing,
      strapKey: strapKey(headers),
      strapDhKey: strapDhKey(headers),
    }
  }

  private async conclude(request: LoginRequest, dialect: Dialect, open: OpenDialogue, outcome: DialogueOutcome, notice?: string): Promise<LoginAnswer> {
    switch (outcome.kind) {
      case 'form':
        if (outcome.failure) this.records.refused(outcome.failure, placeOf(request, open.chosen.group.name))
        return this.form(request, dialect, open, outcome.form, outcome.failure === undefined ? notice : textOf(outcome.failure))
      case 'busy':
        return this.form(request, dialect, open, outcome.form, USER_BUSY_TEXT)
      case 'refused':
        return this.refuse(request, dialect, open, outcome.failure)
      case 'barred':
        this.parts.dialogues.remove(open.handle)
        this.records.refused(outcome.failure, placeOf(request, open.chosen.group.name))
        return { status: 403, barred: outcome.barred, body: refusalDocument(dialect, printable(outcome.barred.text)), cookies: [clearCookie('webvpncontext')] }
      case 'certificate-wanted':
        return { status: 200, body: certificateRequestDocument(), cookies: [setCookie('webvpncontext', open.handle)] }
      case 'second-certificate':
        open.challenge = secondCertificateDocument({ handle: open.handle, group: open.chosen.group, configHash: this.parts.clock.now(), hashes: outcome.hashes, random: pooledRandomBytes(32).toString('hex') })
        return { status: 200, body: open.challenge, cookies: [setCookie('webvpncontext', open.handle)] }
      case 'identity':
        return this.admit(request, dialect, open, outcome.identity, outcome.chain)
    }
  }

  private async admit(request: LoginRequest, dialect: Dialect, open: OpenDialogue, identity: Identity, chain: readonly string[]): Promise<LoginAnswer> {
    const found = groupOf(this.hostOf(request).groups, this.parts.hosts.defaultGroup, open.chosen, identity, chain)
    if ('refused' in found) return this.conclude(request, dialect, open, await open.dialogue.retry({ reason: 'not-in-group', user: identity.user, detail: found.refused }))
    const { group } = found
    this.parts.dialogues.remove(open.handle)
    const refusal = this.refusalByRule(request, dialect, open, identity, group)
    if (refusal) return refusal
    if (!request.connected()) {
      // A session that nobody hears of would only stand in the way of the next attempt.
      this.parts.log.info('the client left before its login was done', { user: identity.user, peer: request.peer.address })
      return { status: 503, body: '', cookies: [] }
    }
    const family = clientFamily(request.userAgent, open.facts.platform)
    const peer = formatEndpoint(request.peer.address, request.peer.port)
    let session: Session
    let cookie: string
    try {
      session = this.parts.sessions.create(
        {
          identity,
          group,
          host: open.host,
          peer,
          strapKey: bindingKey(request.headers),
          device: {
            agent: printable(request.userAgent),
            platform: facet(open.facts.platform),
            hostname: facet(open.facts.hostname),
            uniqueId: facet(open.facts.uniqueId),
            mobile: family.mobile,
          },
        },
        ({ id }) => this.records.succeeded(identity, chain, id, placeOf(request, group)),
      )
      cookie = this.parts.sessions.cookie(session)
    } catch (error) {
      return this.refuse(request, dialect, open, { reason: this.reasonOf(error), user: identity.user, cause: error })
    }
    this.parts.counters.loggedIn(chain)
    this.parts.log.info('login', { session: session.id, user: identity.user, group, ...(open.host !== undefined && { host: open.host }), peer, agent: session.device.agent })
    const certificateSha1 = this.parts.certificateSha1(request.connection.serverName)
    const profile = this.parts.profile(session)
    return {
      status: 200,
      body: completeDocument(dialect, { sessionId: session.id, sessionToken: cookie, banner: session.policy.values.banner, certificateSha1, profile, attributes: knowsDynamicSplit(family) ? dynamicSplitNodes(session.policy.values) : [] }),
      cookies: [clearCookie('webvpncontext'), setCookie('webvpn', cookie), ...updateCookies(certificateSha1, dialect === 'plain' ? profile : undefined)],
    }
  }

  /** What plugins have against this client, in the words that it shows. */
  private refusalByRule(request: LoginRequest, dialect: Dialect, open: OpenDialogue, identity: Identity, group: string): LoginAnswer | undefined {
    const { headers, connection } = request
    const admission = { identity, group, host: open.host, headers, connection, aggregate: dialect === 'aggregate', agent: printable(request.userAgent), dialled: dialledNames(open.facts.groupAccess, request) }
    for (const rule of this.parts.admissions()) {
      const refusal = rule.refuse(admission)
      if (!refusal) continue
      this.records.refused({ reason: refusal.reason, user: identity.user, step: rule.name }, placeOf(request, group))
      return { status: 200, body: refusalDocument(dialect, refusal.text), cookies: [clearCookie('webvpncontext')] }
    }
    return undefined
  }

  private form(request: LoginRequest, dialect: Dialect, open: OpenDialogue, form: AuthForm, error: string | undefined): LoginAnswer {
    const plainAction = request.path === '/' ? '/+webvpn+/index.html' : request.path
    const action = open.chosen.by === 'url' ? `/${encodeURIComponent(open.chosen.group.name)}` : dialect === 'plain' ? plainAction : '/'
    const body = authRequestDocument(dialect, {
      form,
      error,
      action,
      handle: open.handle,
      group: open.chosen.group,
      groups: form.id === 'main' ? this.hostOf(request).groups.offer(open.chosen) : [],
      configHash: this.parts.clock.now(),
    })
    return { status: 200, body, cookies: [setCookie('webvpncontext', open.handle)] }
  }

  private refuse(request: LoginRequest, dialect: Dialect, open: OpenDialogue, failure: Failure): LoginAnswer {
    this.parts.dialogues.remove(open.handle)
    const errorId = this.records.refused(failure, placeOf(request, open.chosen.group.name))
    return { status: 200, body: refusalDocument(dialect, textOf(failure, errorId), LOGIN_REFUSALS[failure.shownAs ?? failure.reason].message), cookies: [clearCookie('webvpncontext')] }
  }

  /** Refusals of the core in the words of the login. */
  private reasonOf(error: unknown): RefusalReason {
    if (!(error instanceof GatewayError)) return 'internal'
    if (error.code === 'ADDRESS_UNAVAILABLE') {
      this.parts.log.warn('no address for a login', { reason: error.message })
      return 'address'
    }
    if (error.code !== 'SESSION_LIMIT') return error.code.startsWith('STORE') ? 'unavailable' : 'internal'
    const { maxSessions, sessions } = this.parts
    return maxSessions > 0 && sessions.list().length >= maxSessions ? 'server-full' : 'too-many-sessions'
  }
}

const placeOf = ({ peer }: LoginRequest, group: string): LoginPlace => ({ peer: peer.address, group })
const textOf = ({ reason, shownAs, text }: Failure, errorId?: string): string => (text === undefined ? refusalText(shownAs ?? reason, errorId) : printable(text))

const EMPTY_INIT: ClientDocument = { kind: 'init', xml: true, facts: { capabilities: [], certificateMissing: false } }
const EMPTY_FORM: AuthForm = { id: 'main', message: '', fields: [] }

const facet = (text: string | undefined): string | undefined => (text === undefined ? undefined : printable(text, 128))
