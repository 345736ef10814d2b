import { type Audit, type AuthForm, type AuthStep, type Clock, type RefusalReason } from '../../core/api.ts'
import { HasherBusy, type PasswordHasher } from './password-hasher.ts'
import type { PasswordRules } from './password-rules.ts'
import type { Credentials, UserTable } from './user-table.ts'

/** New passwords that one login may offer. */
export const OFFERS = 5

export interface PasswordChangeParts {
  readonly users: UserTable
  readonly hasher: PasswordHasher
  readonly rules: PasswordRules
  readonly audit: Audit
  readonly clock: Clock
}

/**
 * A new password inside the login, when the old one is right and does not do any more. It is asked for twice, in two forms:
 * clients drop the second field of one (reference/protocol section 3.1).
 */
export class PasswordChange {
  private offers = 0

  /** `credentials`: those that were just proved; `done`: how the login goes on. */
  constructor(
    private readonly credentials: Credentials,
    private readonly peer: string,
    private readonly parts: PasswordChangeParts,
    private readonly done: () => AuthStep,
  ) {}

  begin(message: string): AuthStep {
    const form = changeForm(`${message}\n${this.parts.rules.text}`, 'New password:')
    return { kind: 'form', form, answer: (values) => this.guarded(() => this.offered(values.get('new_password') ?? '')) }
  }

  private async offered(password: string): Promise<AuthStep> {
    const { hasher, rules } = this.parts
    const { hash, user } = this.credentials
    if (++this.offers > OFFERS) return this.refuse('password-expired', 'no acceptable new password')
    const problem = (await rules.problem(user.name, password)) ?? ((await hasher.verify(hash, password, this.peer)) ? 'it is the one you have' : undefined)
    if (problem !== undefined) return this.begin(`This password is not acceptable: ${problem}.`)
    const form = changeForm('Please enter the new password once more.', 'New password again:')
    return {
      kind: 'form',
      form,
      answer: (values) => this.guarded(async () => (values.get('new_password') === password ? this.replace(password) : this.begin('The two passwords were not the same. Please choose a new one.'))),
    }
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

  private async guarded(work: () => Promise<AuthStep>): Promise<AuthStep> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof HasherBusy) return this.refuse('unavailable', error.message)
      throw error
    }
  }
}

const changeForm = (message: string, label: string): AuthForm => ({ id: 'passwd', message, fields: [{ kind: 'password', name: 'new_password', label }] })
