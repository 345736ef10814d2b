import { askNewPassword, loginForm, type Audit, type AuthBackend, type AuthContext, type AuthStep, type Clock, type GatewayConfig, type RefusalPace, type RefusalReason } from '../../core/api.ts'
import type { AuthLdapConfig } from './config.ts'
import { judge, type MustChange, type Refused, type Verdict } from './directory.ts'
import { decidesGroups, mapGroups } from './groups.ts'
import { changePassword } from './password-change.ts'
import type { Places } from './places.ts'
import type { ServerList } from './server-list.ts'

const MAX_NAME = 253
const MAX_PASSWORD = 1024

export interface BackendParts {
  /** As they are now. */
  readonly section: () => AuthLdapConfig
  readonly servers: () => Pick<ServerList, 'ask'>
  readonly gateway: Pick<GatewayConfig, 'groups'>
  readonly audit: Audit
  readonly clock: Clock
  readonly pace: RefusalPace
  readonly places: Places
}

/** The `ldap` step of a login: name and password, which a directory judges. */
export class LdapBackend implements AuthBackend {
  readonly name = 'ldap'
  constructor(private readonly parts: BackendParts) {}

  begin(context: AuthContext): AuthStep {
    const form = loginForm(context.identity?.user)
    const answer = async (values: ReadonlyMap<string, string>): Promise<AuthStep> => {
      // Phones add a blank after a completed word.
      const typed = (values.get('username') ?? '').trim()
      if (typed === '') return { kind: 'form', form, answer }
      return this.judged(context, typed, values.get('password') ?? '')
    }
    return { kind: 'form', form, answer }
  }

  private async judged(context: AuthContext, typed: string, password: string): Promise<AuthStep> {
    const { clock, pace, places, section, servers } = this.parts
    const began = clock.monotonic()
    const usable = Buffer.byteLength(typed) <= MAX_NAME && !/\p{C}/u.test(typed)
    const name = usable ? typed : undefined
    // An empty password is nobody's, and directories take it for an anonymous bind that succeeds.
    if (!usable || password === '' || Buffer.byteLength(password) > MAX_PASSWORD || context.decoy === true) {
      await this.until(began + pace.one())
      return refusal('wrong-credentials', name)
    }
    const now = section()
    const verdict = await places.run(async () => (await servers().ask((connection) => judge(connection, now, typed, password))) ?? NOBODY)
    if (!verdict) return refusal('unavailable', name, TOO_MANY)
    if (verdict.kind === 'proved') return this.proved(context, now, verdict, began)
    if (verdict.kind === 'must-change') return now['password-change'] ? this.renewed(context, verdict, password, began) : refusal('password-expired', name, verdict.detail)
    if (verdict.reason !== 'unavailable') {
      if (verdict.asked) pace.took(clock.monotonic() - began)
      else await this.until(began + pace.one())
    }
    return refusal(verdict.reason, name, verdict.detail)
  }

  private async proved(context: AuthContext, section: AuthLdapConfig, { user, groups: names }: Verdict & { readonly kind: 'proved' }, began: number): Promise<AuthStep> {
    const other = await this.otherUser(context, user, began)
    if (other) return other
    const groups = decidesGroups(section) ? mapGroups(section, names, this.parts.gateway.groups) : []
    if (decidesGroups(section) && groups.length === 0) return refusal('not-in-group', user, 'the directory has the user in no group of this gateway')
    return { kind: 'identity', identity: { user, groups, source: this.name } }
  }

  private async otherUser({ identity }: AuthContext, user: string, began: number): Promise<AuthStep | undefined> {
    if (!identity || identity.user.toLowerCase() === user.toLowerCase()) return undefined
    await this.until(began + this.parts.pace.one())
    return refusal('wrong-credentials', user, `an earlier step has proved ${identity.user}`)
  }

  /** A new password, in the directory, and the login with it. */
  private async renewed(context: AuthContext, asked: MustChange, old: string, began: number): Promise<AuthStep> {
    const { audit, clock, places, section, servers } = this.parts
    const { user } = asked
    const other = await this.otherUser(context, user, began)
    if (other) return other
    const replace = async (fresh: string): Promise<string | AuthStep> => {
      const now = section()
      const outcome = await places.run(async () => (await servers().ask((connection) => changePassword(connection, now, asked, old, fresh))) ?? NOBODY)
      if (!outcome) return refusal('unavailable', user, TOO_MANY)
      if (outcome.kind === 'unacceptable') return outcome.text
      if (outcome.kind === 'refused') return refusal(outcome.reason, user, outcome.detail)
      audit.record({ action: 'user.passwd', actor: user, subject: user, peer: context.peer, ok: true, detail: 'at the login, in the directory' })
      const { verdict } = outcome
      if (verdict.kind === 'must-change') return refusal('password-expired', user, `the new password is not enough: ${verdict.detail}`)
      return verdict.kind === 'refused' ? refusal(verdict.reason, user, verdict.detail) : this.proved(context, now, verdict, clock.monotonic())
    }
    return askNewPassword('Your password has to be changed. Please choose a new one.', { problem: (fresh) => passwordProblem(fresh, old), replace, refuse: (detail) => refusal('password-expired', user, detail) })
  }

  private until(time: number): Promise<void> {
    const { clock } = this.parts
    return new Promise((resolve) => clock.after(Math.max(0, time - clock.monotonic()), resolve))
  }
}

const NOBODY: Refused = { kind: 'refused', reason: 'unavailable', detail: 'no directory server has answered', asked: false }
const TOO_MANY = 'too many logins wait for the directory'
const refusal = (reason: RefusalReason, user: string | undefined, detail?: string): AuthStep => ({ kind: 'refused', reason, ...(user !== undefined && { user }), ...(detail !== undefined && { detail }) })

/** What the directory need not be asked for. */
function passwordProblem(fresh: string, old: string): string | undefined {
  if (fresh === '') return 'it is empty'
  if (Buffer.byteLength(fresh) > MAX_PASSWORD) return `it has more than ${MAX_PASSWORD} bytes`
  return fresh === old ? 'it is the one you have' : undefined
}
