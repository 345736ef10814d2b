import { cryptProblem, GatewayError, userNameProblem, type Audit, type Clock, type Store, type UserImport, type UserImportResult, type UserToImport } from '../../core/api.ts'
import type { UserPolicy } from './user-policy.ts'
import type { UserTable } from './user-table.ts'
import type { User } from './user.ts'

/** Users of another gateway with the hashes they had there. */
export class LocalUserImport implements UserImport {
  constructor(
    private readonly store: Store,
    private readonly users: UserTable,
    private readonly policies: Pick<UserPolicy, 'fitting'>,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  take(users: readonly UserToImport[], { replace, actor }: { readonly replace: boolean; readonly actor: string }): UserImportResult {
    for (const { name, hash } of users) {
      const problem = userNameProblem(name) ?? cryptProblem(hash)
      if (problem !== undefined) throw new GatewayError('REFUSED', `${JSON.stringify(name.slice(0, 64))} is not imported: ${problem}`)
    }
    const result: { added: string[]; replaced: string[]; kept: string[]; leftOut: { user: string; key: string; text: string }[] } = { added: [], replaced: [], kept: [], leftOut: [] }
    this.store.write(() => {
      for (const user of users) {
        const before = this.users.get(user.name)
        if (before && !replace) {
          result.kept.push(before.name)
          continue
        }
        if (before) this.users.remove(before.name)
        const row: User = { name: user.name, groups: user.groups, locked: user.locked, expiresAt: undefined, createdAt: before?.createdAt ?? this.clock.now() }
        this.users.insert(row, user.hash)
        const { policy, leftOut } = this.policies.fitting(row, user.policy)
        this.users.setPolicy(row.name, policy)
        result.leftOut.push(...leftOut.map((left) => ({ user: row.name, ...left })))
        result[before ? 'replaced' : 'added'].push(user.name)
      }
    })
    this.audit.record({ action: 'user.import', actor, subject: `${result.added.length} added, ${result.replaced.length} replaced`, ok: true })
    return result
  }
}
