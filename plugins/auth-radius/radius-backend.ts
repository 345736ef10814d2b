import { askNewPassword, loginForm, type AuthBackend, type AuthContext, type AuthStep, type Clock, type GatewayConfig, type Identity, type Logger, type PolicyLayer, type RefusalReason } from '../../core/api.ts'
import { attributePolicy } from './attribute-policy.ts'
import { attribute, valueOf, valuesOf, type Found } from './attributes.ts'
import type { RadiusClient, RadiusReply } from './client.ts'
import type { AuthRadiusConfig } from './config.ts'
import { changedPassword, mschapv2, pap, type Credentials } from './credentials.ts'
import { challengeForm, typed } from './forms.ts'
import { groupsOf } from './groups.ts'
import { MAX_NEW_PASSWORD, readMsChapError } from './mschap.ts'
import { clientAttributes, nasAttributes } from './nas-attributes.ts'
import { CODE } from './packet.ts'
import { replyText } from './reply-text.ts'
import { writeTicket } from './ticket.ts'

const MAX_NAME = 253
const MAX_ROUNDS = 16
const ECHO = 1
/** Errors of MS-CHAP (RFC 2759 section 6). */
const PASSWORD_EXPIRED = 648
const DISABLED = 647

export interface BackendParts {
  readonly client: RadiusClient
  /** The section as it is now. */
  readonly config: () => AuthRadiusConfig
  readonly gateway: GatewayConfig
  readonly clock: Clock
  readonly log: Logger
}
/** One login under way. */
interface Login {
  readonly context: AuthContext
  readonly user: string
  readonly password: string
  readonly rounds: number
  /** Of the challenge that is being answered, and who has set it. */
  readonly state?: readonly Buffer[]
  readonly server?: string
}

/** The `radius` step of a login: name and password, then whatever the server asks. */
export class RadiusBackend implements AuthBackend {
  readonly name = 'radius'
  constructor(private readonly parts: BackendParts) {}

  begin(context: AuthContext): AuthStep {
    const form = loginForm(context.identity?.user)
    const answer = async (values: ReadonlyMap<string, string>): Promise<AuthStep> => {
      // Phones add a blank after a completed word.
      const user = (values.get('username') ?? '').trim()
      if (user === '') return { kind: 'form', form, answer }
      const login: Login = { context, user, password: values.get('password') ?? '', rounds: 0 }
      const agrees = context.identity === undefined || context.identity.user.toLowerCase() === user.toLowerCase()
      const credentials = agrees && !context.decoy && isName(user) ? this.credentials(login) : undefined
      if (credentials) return this.ask(login, credentials)
      // No server is troubled; who waits cannot tell.
      await new Promise<void>((resolve) => this.parts.clock.after(this.parts.client.rejectionMs(), resolve))
      return refused('wrong-credentials', isName(user) ? user : undefined)
    }
    return { kind: 'form', form, answer }
  }

  private credentials({ user, password }: Login): Credentials | undefined {
    return this.parts.config().protocol === 'pap' ? pap(password) : mschapv2(user, password)
  }

  private async ask(login: Login, credentials: Credentials): Promise<AuthStep> {
    const { client, config, gateway } = this.parts
    const { context, user } = login
    const reply = await client.exchange({
      purpose: 'authentication', code: CODE.accessRequest, server: login.server,
      attributes: (authenticator, secret) => [
        attribute('User-Name', user), ...credentials.attributes(authenticator, secret), ...(login.state ?? []).map((state) => attribute('State', state)),
        ...nasAttributes(gateway.gateway, config()['nas-identifier']), ...clientAttributes(context, gateway.gateway.name),
      ],
    })
    if (!reply) return refused('unavailable', user, 'no RADIUS server has answered')
    if (reply.code === CODE.accessChallenge) return this.challenge(login, reply)
    if (reply.code === CODE.accessReject) return this.rejected(login, reply)
    if (!credentials.proves(valueOf(reply.attributes, 'MS-CHAP2-Success'))) {
      this.parts.log.error('the RADIUS server does not know the password that it accepts', { server: reply.server.name, user })
      return refused('unavailable', user, 'the answer to MS-CHAPv2 is wrong')
    }
    return { kind: 'identity', identity: this.identity(login, reply) }
  }

  private challenge(login: Login, { attributes, server }: RadiusReply): AuthStep {
    const rounds = login.rounds + 1
    if (rounds > MAX_ROUNDS) return refused('too-many-tries', login.user, `${MAX_ROUNDS} challenges`)
    const next: Login = { ...login, rounds, state: valuesOf(attributes, 'State').slice(0, 1), server: server.name }
    return {
      kind: 'form',
      form: challengeForm(replyText(attributes), valueOf(attributes, 'Prompt') === ECHO),
      answer: (values) => {
        const credentials = pap(typed(values))
        return credentials ? this.ask(next, credentials) : Promise.resolve(refused('wrong-credentials', login.user))
      },
    }
  }

  private rejected(login: Login, { attributes, server }: RadiusReply): AuthStep {
    const [value] = valuesOf(attributes, 'MS-CHAP-Error')
    const error = value && readMsChapError(value)
    const text = replyText(attributes)
    if (error?.code === PASSWORD_EXPIRED && this.parts.config().protocol === 'mschapv2' && login.rounds < MAX_ROUNDS) {
      return this.newPassword({ ...login, rounds: login.rounds + 1, server: server.name }, error.challenge, text ?? 'Your password has expired. Please choose a new one.')
    }
    const reason = error?.code === PASSWORD_EXPIRED ? 'password-expired' : error?.code === DISABLED ? 'locked' : 'wrong-credentials'
    return { ...refused(reason, login.user, error ? `MS-CHAP error ${error.code}` : undefined), ...(text !== undefined && { text }) }
  }

  private newPassword(login: Login, challenge: Buffer | undefined, message: string): AuthStep {
    return askNewPassword(message, {
      problem: (password) => (changedPassword(login.user, login.password, password, challenge) ? undefined : `a password has 1 to ${MAX_NEW_PASSWORD} characters`),
      replace: async (password) => {
        const credentials = changedPassword(login.user, login.password, password, challenge)
        return credentials ? this.ask({ ...login, password }, credentials) : refused('password-expired', login.user)
      },
      refuse: (detail) => refused('password-expired', login.user, detail),
    })
  }

  private identity(login: Login, { attributes, server }: RadiusReply): Identity {
    const { gateway, config, log } = this.parts
    const from = config()['group-from']
    const groups = groupsOf(attributes, from, (name) => gateway.groups.has(name))
    const user = nameOf(valueOf(attributes, 'User-Name'), login.user)
    const layer = radiusLayer(attributes, server.host, gateway, (problem) => log.warn('an attribute of a RADIUS server is left out', { server: server.name, user, problem }))
    return {
      user: login.user, groups, source: this.name, ...(groups.length > 0 && { groupsDecide: true }), ...(layer && { attributes: layer }),
      ticket: writeTicket({ classes: valuesOf(attributes, 'Class'), chargeable: valueOf(attributes, 'Chargeable-User-Identity'), server: server.name, user, interimSec: valueOf(attributes, 'Acct-Interim-Interval') }),
    }
  }
}

/** The layer `radius ADDRESS` of a session, at its login and after a CoA-Request; undefined when the attributes say nothing of policy. */
export function radiusLayer(attributes: readonly Found[], host: string, gateway: Pick<GatewayConfig, 'pools'>, problem: (line: string) => void): PolicyLayer | undefined {
  const { values, problems } = attributePolicy(attributes, { hasPool: (name) => gateway.pools.has(name) })
  problems.forEach(problem)
  return Object.keys(values).length > 0 ? { origin: `radius ${host}`, values } : undefined
}

const isName = (text: string): boolean => Buffer.byteLength(text) <= MAX_NAME && !/\p{C}/u.test(text)
/** A server may put another name in its place for accounting. */
const nameOf = (own: string | undefined, user: string): string => (own !== undefined && own !== '' && isName(own) ? own : user)

const refused = (reason: RefusalReason, user: string | undefined, detail?: string): AuthStep & { readonly kind: 'refused' } => ({
  kind: 'refused', reason, ...(user !== undefined && { user }), ...(detail !== undefined && { detail }),
})
