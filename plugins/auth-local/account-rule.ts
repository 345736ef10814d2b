import type { Admission, AdmissionRule, Clock } from '../../core/api.ts'
import type { UserTable } from './user-table.ts'

/**
 * A user of this gateway who is locked or has expired gets no session, by whatever way the name was proved: a certificate
 * or a browser asks nobody here.
 */
export class AccountRule implements AdmissionRule {
  readonly name = 'auth-local'

  constructor(
    private readonly users: Pick<UserTable, 'get'>,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  refuse({ identity }: Pick<Admission, 'identity'>): ReturnType<AdmissionRule['refuse']> {
    const user = this.users.get(identity.user)
    if (user?.locked === true) return { text: 'This account is locked. Please contact your administrator.', reason: 'locked' }
    if (user?.expiresAt !== undefined && user.expiresAt <= this.clock.now()) return { text: 'This account has expired. Please contact your administrator.', reason: 'expired' }
    return undefined
  }
}
