import { sourceNetwork, type AuthBackend, type AuthContext, type GatewayConfig, type HttpAnswer, type HttpRequest, type HttpRoute, type LoginAttempt, type LoginGuard } from '../../core/api.ts'
import type { AuthTotpConfig } from './config.ts'
import { donePage, keyPage, loginPage, NOT_HERE, PAGE_PATH } from './enrolment-page.ts'
import { Enrolling, type EnrollingParts } from './enrolling.ts'
import { passwordSteps, provedUser } from './password-proof.ts'
import type { PendingEnrolments } from './pending-enrolments.ts'
import type { Allowance } from './allowance.ts'

/** Bytes of a form. */
export const FORM_BYTES = 4096

export interface SelfServiceParts extends EnrollingParts {
  readonly core: Pick<GatewayConfig, 'groups'>
  readonly config: () => AuthTotpConfig
  readonly issuer: () => string
  readonly backends: () => readonly AuthBackend[]
  readonly guards: () => readonly LoginGuard[]
  readonly pending: PendingEnrolments
  /** Of passwords, by source network. */
  readonly allowance: Allowance
}

// One text whether the password is wrong or the user has a second factor: the page must not tell who has guessed a password.
const REFUSED = 'This is not the right user name and password, or you have a second factor already. Who has lost it asks the administrator.'
const TOO_MANY = 'Too many attempts from your network. Please try again later.'
const STALE = 'This took too long. Please begin again.'
const WRONG_CODE = 'That was not the code of this key. Please wait for the next one and check the clock of your phone.'

/** `https://vpn.example.com/totp`: a user with a password sets up a second factor in a browser. There while users may enrol, and a group asks for codes. */
export class SelfService implements HttpRoute {
  readonly methods = ['GET', 'HEAD', 'POST']
  readonly path = PAGE_PATH
  readonly beginsLogin = (): boolean => true

  constructor(private readonly parts: SelfServiceParts) {}

  handle(request: HttpRequest): HttpAnswer | Promise<HttpAnswer> {
    const { backends, config, core } = this.parts
    const steps = config().enrol === 'first-login' ? passwordSteps(core, backends()) : []
    if (steps.length === 0) return NOT_HERE
    if (request.method !== 'POST') return loginPage()
    if (!isOwnForm(request)) return loginPage(STALE, 403)
    const values = new Map(new URLSearchParams(Buffer.from(request.body).toString('utf8')))
    const handle = values.get('handle')
    return handle === undefined ? this.login(request, steps, values) : this.confirm(handle, values.get('code') ?? '')
  }

  private async login(request: HttpRequest, steps: ReturnType<typeof passwordSteps>, values: Map<string, string>): Promise<HttpAnswer> {
    const peer = request.connection.peer.address
    const user = (values.get('username') ?? '').trim().slice(0, 128)
    values.set('username', user)
    if (user === '') return loginPage()
    const { allowance, pending, table } = this.parts
    const network = sourceNetwork(peer)
    if (!allowance.mayTry(network)) return loginPage(TOO_MANY, 429)
    const attempt: LoginAttempt = { peer, group: steps[0]?.group ?? '', user, trusted: false, connected: () => request.connected() }
    for (const guard of this.parts.guards()) {
      const refusal = await guard.admit(attempt)
      if (refusal) return loginPage(refusal.text ?? TOO_MANY, 429)
    }
    let proved: string | undefined
    for (const { backend, group } of steps) proved ??= await provedUser(backend, contextOf(request, group), values)
    if (proved === undefined || table.get(proved)) {
      allowance.wrong(network)
      for (const guard of this.parts.guards()) guard.failed(attempt)
      return loginPage(REFUSED)
    }
    const enrolling = new Enrolling(proved, peer, this.parts)
    return this.shown(enrolling, pending.add(enrolling))
  }

  private confirm(handle: string, code: string): HttpAnswer {
    const { pending } = this.parts
    const enrolling = pending.get(handle)
    if (!enrolling) return loginPage(STALE)
    const done = enrolling.confirm(code)
    if (done.kind === 'wrong' && done.again) return this.shown(enrolling, handle, WRONG_CODE)
    pending.remove(handle)
    return done.kind === 'enrolled' ? donePage(done.recoveryCodes) : loginPage(done.kind === 'taken' ? REFUSED : STALE)
  }

  private shown(enrolling: Enrolling, handle: string, error?: string): HttpAnswer {
    return keyPage({ secret: enrolling.secret, uri: enrolling.uri(this.parts.issuer()), handle, error })
  }
}

/** Sent by this page and no other: browsers name the origin of each POST. */
function isOwnForm({ body, headers }: HttpRequest): boolean {
  const [origin, host, site] = [headers.get('origin')?.[0], headers.get('host')?.[0], headers.get('sec-fetch-site')?.[0]]
  if (body.length > FORM_BYTES || (site !== undefined && site !== 'same-origin')) return false
  return origin === undefined || (host !== undefined && origin === `https://${host}`)
}

const contextOf = ({ connection, headers }: HttpRequest, group: string): AuthContext => ({
  peer: connection.peer.address, group, origin: `https://${headers.get('host')?.[0] ?? ''}`, userAgent: '', capabilities: [], certificates: [], certificateMissing: false,
})
