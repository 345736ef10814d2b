import { loginForm, type AuthBackend, type AuthContext, type AuthStep, type Clock, type GatewayConfig, type RefusalReason } from '../../core/api.ts'
import type { AuthLdapConfig } from './config.ts'
import { judge, type Verdict } from './directory.ts'
import { decidesGroups, mapGroups } from './groups.ts'
import type { Places } from './places.ts'
import type { RefusalPace } from './refusal-pace.ts'
import type { ServerList } from './server-list.ts'

const MAX_NAME = 253
const MAX_PASSWORD = 1024

export interface BackendParts {
  /** As they are now. */
  readonly section: () => AuthLdapConfig
  readonly servers: () => Pick<ServerList, 'ask'>
  readonly gateway: Pick<GatewayConfig, 'groups'>
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
    if (!verdict) return refusal('unavailable', name, 'too many logins wait for the directory')
    if (verdict.kind === 'proved') return this.proved(context, now, verdict, began)
    if (verdict.reason !== 'unavailable') {
      if (verdict.asked) pace.took(clock.monotonic() - began)
      else await this.until(began + pace.one())
    }
    return refusal(verdict.reason, name, verdict.detail)
  }

  private async proved(context: AuthContext, section: AuthLdapConfig, { user, groups: names }: Verdict & { readonly kind: 'proved' }, began: number): Promise<AuthStep> {
    if (context.identity && context.identity.user.toLowerCase() !== user.toLowerCase()) {
      await this.until(began + this.parts.pace.one())
      return refusal('wrong-credentials', user, `an earlier step has proved ${context.identity.user}`)
    }
    const groups = decidesGroups(section) ? mapGroups(section, names, this.parts.gateway.groups) : []
    if (decidesGroups(section) && groups.length === 0) return refusal('not-in-group', user, 'the directory has the user in no group of this gateway')
    return { kind: 'identity', identity: { user, groups, source: this.name } }
  }

  private until(time: number): Promise<void> {
    const { clock } = this.parts
    return new Promise((resolve) => clock.after(Math.max(0, time - clock.monotonic()), resolve))
  }
}

const NOBODY: Verdict = { kind: 'refused', reason: 'unavailable', detail: 'no directory server has answered', asked: false }
const refusal = (reason: RefusalReason, user: string | undefined, detail?: string): AuthStep => ({ kind: 'refused', reason, ...(user !== undefined && { user }), ...(detail !== undefined && { detail }) })
