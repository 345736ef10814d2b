import { askNewPassword, type Audit, type AuthStep, type Clock, type RefusalReason } from '../../core/api.ts'
import { HasherBusy, type PasswordHasher } from './password-hasher.ts'
import type { PasswordRules } from './password-rules.ts'
import type { Credentials, UserTable } from './user-table.ts'

export interface PasswordChangeParts {
  readonly users: UserTable
  readonly hasher: PasswordHasher
  readonly rules: PasswordRules
  readonly audit: Audit
  readonly clock: Clock
}

/** A new password inside the login. */
export class PasswordChange {
  /** `credentials`: those that were just proved; `done`: how the login goes on. */
  constructor(
    private readonly credentials: Credentials,
    private readonly peer: string,
    private readonly parts: PasswordChangeParts,
    private readonly done: () => AuthStep,
  ) {}

  begin(message: string): AuthStep {
    return askNewPassword(message, {
      rules: this.parts.rules.text,
      problem: (password) => this.guarded(() => this.problem(password)),
      replace: (password) => this.guarded(() => this.replace(password)),
      refuse: (detail) => this.refuse('password-expired', detail),
    })
  }

  private async problem(password: string): Promise<string | undefined> {
    const { hasher, rules } = this.parts
    const { hash, user } = this.credentials
    return (await rules.problem(user.name, password)) ?? ((await hasher.verify(hash, password, this.peer)) ? 'it is the one you have' : undefined)
  }

  private async replace(password: string): Promise<AuthStep> {
    const { audit, clock, hasher, users } = this.parts
    const { hash, user } = this.credentials
    const fresh = await hasher.rehash(password, this.peer)
    const now = users.get(user.name)
    if (!now || now.locked) return this.refuse(now ? 'locked' : 'wrong-credentials', 'changed while the password was')
    if (!users.changeOwnHash(user.name, hash, fresh, clock.now())) return this.refuse('wrong-credentials', 'the password was changed elsewhere meanwhile')
    audit.record({ action: 'user.passwd', actor: user.name, subject: user.name, peer: this.peer, ok: true, detail: 'at the login' })
    return this.done()
  }

  private refuse(reason: RefusalReason, detail: string): AuthStep {
    return { kind: 'refused', reason, user: this.credentials.user.name, detail }
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T | AuthStep> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof HasherBusy) return this.refuse('unavailable', error.message)
      throw error
    }
  }
}
