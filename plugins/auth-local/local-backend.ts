import { loginForm, type AuthBackend, type AuthContext, type AuthStep, type Clock, type Logger, type RefusalReason } from '../../core/api.ts'
import { HasherBusy, isImported, type PasswordHasher } from './password-hasher.ts'
import { PasswordChange, type PasswordChangeParts } from './password-change.ts'
import type { Credentials, UserTable } from './user-table.ts'
import { isUserName, type User } from './user.ts'

/** The `local` step of a login: name and password against the users in the store. */
export class LocalBackend implements AuthBackend {
  readonly name = 'local'

  constructor(
    private readonly users: UserTable,
    private readonly hasher: PasswordHasher,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly changing: Pick<PasswordChangeParts, 'audit' | 'rules'>,
  ) {}

  begin(context: AuthContext): AuthStep {
    const form = loginForm(context.identity?.user)
    const answer = async (values: ReadonlyMap<string, string>): Promise<AuthStep> => {
      // Phones add a blank after a completed word.
      const name = (values.get('username') ?? '').trim()
      if (name === '') return { kind: 'form', form, answer }
      return this.verify(name, values.get('password') ?? '', context)
    }
    return { kind: 'form', form, answer }
  }

  private async verify(name: string, password: string, context: AuthContext, again = false): Promise<AuthStep> {
    const { version } = this.users
    const known = isUserName(name) ? this.users.credentials(name) : undefined
    const refuse = (reason: RefusalReason): AuthStep => ({ kind: 'refused', reason, ...(isUserName(name) ? { user: known?.user.name ?? name } : {}) })
    let right: boolean
    try {
      right = known ? await this.hasher.verify(known.hash, password, context.peer) : await this.hasher.decoy(password, context.peer)
    } catch (error) {
      if (error instanceof HasherBusy) return refuse('unavailable')
      // Alike for the peer; only the log knows that the row is damaged.
      this.log.error('the stored password cannot be verified', { user: known?.user.name, error })
      return refuse('wrong-credentials')
    }
    if (!known || !right) return refuse('wrong-credentials')
    // Whatever happened to the user while the hash was computed counts.
    const now = this.users.version === version ? known : this.users.credentials(known.user.name)
    // Another login of the user has just replaced an imported hash by ours: it is the same password.
    if (now && now.hash !== known.hash && isImported(known.hash) && !again) return this.verify(name, password, context, true)
    if (!now || now.hash !== known.hash) return refuse('wrong-credentials')
    const { user } = now
    if (context.decoy === true) return refuse('wrong-credentials')
    if (context.identity && context.identity.user.toLowerCase() !== user.name.toLowerCase()) return refuse('wrong-credentials')
    if (user.locked) return refuse('locked')
    if (user.expiresAt !== undefined && user.expiresAt <= this.clock.now()) return refuse('expired')
    if (isImported(now.hash)) await this.renew(now, password, context.peer)
    const proved = (): AuthStep => ({ kind: 'identity', identity: { user: user.name, groups: user.groups, source: this.name } })
    const why = this.whyChange(now)
    if (why === undefined) return proved()
    // The hash may have been renewed above.
    const credentials = this.users.credentials(user.name)
    if (!credentials) return refuse('wrong-credentials')
    return new PasswordChange(credentials, context.peer, { users: this.users, hasher: this.hasher, clock: this.clock, ...this.changing }, proved).begin(why)
  }

  private whyChange({ mustChange, setAt }: Credentials): string | undefined {
    if (mustChange) return 'Please choose a new password.'
    return this.changing.rules.isTooOld(setAt, this.clock.now()) ? 'Your password has expired. Please choose a new one.' : undefined
  }

  /** The first login of an imported user: from now on the password is kept like all others. Failing that, the next login tries again. */
  private async renew({ user, hash }: { readonly user: User; readonly hash: string }, password: string, peer: string): Promise<void> {
    try {
      if (this.users.replaceHash(user.name, hash, await this.hasher.rehash(password, peer))) this.log.info('the imported password is kept as argon2id now', { user: user.name })
    } catch (error) {
      this.log.warn('the imported password stays as it is', { user: user.name, error })
    }
  }
}
