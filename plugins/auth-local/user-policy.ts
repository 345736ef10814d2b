import { assignPolicy, GatewayError, layerProblems, POLICY_KEYS, readPolicy, unsetPolicy, type GatewayConfig, type Policies, type PolicySource, type WrittenPolicy } from '../../core/api.ts'
import type { UserTable } from './user-table.ts'
import type { User } from './user.ts'

/** What an administrator sets for one user; checked as the configuration is. Refusals are `USAGE`. */
export class UserPolicy {
  constructor(
    private readonly users: UserTable,
    private readonly config: GatewayConfig,
    private readonly policies: Pick<Policies, 'resolve'>,
    private readonly source: Required<Pick<PolicySource, 'ownerOf'>>,
  ) {}

  /** `KEY=VALUE` and `KEY+=VALUE` on top of what the user has. */
  assigned(user: User, assignments: readonly string[]): WrittenPolicy {
    return this.checked(user, assignPolicy(this.users.policy(user.name), assignments))
  }
  without(user: User, keys: readonly string[]): WrittenPolicy {
    return this.checked(user, unsetPolicy(this.users.policy(user.name), keys))
  }

  private checked(user: User, written: WrittenPolicy): WrittenPolicy {
    const own = readPolicy(written)
    const group = user.groups.find((name) => this.config.groups.has(name)) ?? this.config.gateway.groups[0] ?? ''
    const { values: below } = this.policies.resolve({ user: '', group, groups: user.groups })
    const [problem] = layerProblems(own, { below, ofUser: true, lowest: false }, this.config)
    if (problem) throw new GatewayError('USAGE', `${POLICY_KEYS[problem.key].key}: ${problem.text}`)
    for (const address of [own.ipv4Address, own.ipv6Address]) {
      const owner = address ? this.source.ownerOf(address) : undefined
      if (owner !== undefined && owner !== user.name) throw new GatewayError('USAGE', `${address} belongs to ${owner}`)
    }
    return written
  }
}
