import type { PolicyLayer, PolicySource } from '../../core/api.ts'
import type { UserTable } from './user-table.ts'

/** The groups of a local user, for `postern explain`; users have no values of their own yet. */
export class LocalPolicySource implements PolicySource {
  constructor(private readonly users: UserTable) {}

  layer(): PolicyLayer | undefined {
    return undefined
  }

  /** undefined: not a user of this gateway. */
  groups(user: string): readonly string[] | undefined {
    return this.users.get(user)?.groups
  }
}
