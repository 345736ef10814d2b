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

  /** What can be in force for the user, and what not with the reason: for values that came with the user. */
  fitting(user: User, written: WrittenPolicy): { readonly policy: WrittenPolicy; readonly leftOut: readonly { readonly key: string; readonly text: string }[] } {
    const policy = { ...written }
    const leftOut: { key: string; text: string }[] = []
    for (let problem = this.problem(user, policy); problem; problem = this.problem(user, policy)) {
      const { key, text } = problem
      if (!(key in policy)) throw new GatewayError('REFUSED', `${user.name}: ${key}: ${text}`)
      Reflect.deleteProperty(policy, key)
      leftOut.push(problem)
    }
    return { policy, leftOut }
  }

  private checked(user: User, written: WrittenPolicy): WrittenPolicy {
    const problem = this.problem(user, written)
    if (problem) throw new GatewayError('USAGE', `${problem.key}: ${problem.text}`)
    return written
  }

  private problem(user: User, written: WrittenPolicy): { readonly key: string; readonly text: string } | undefined {
    const own = readPolicy(written)
    const group = user.groups.find((name) => this.config.groups.has(name)) ?? this.config.gateway.groups[0] ?? ''
    const { values: below } = this.policies.resolve({ user: '', group, groups: user.groups })
    const [problem] = layerProblems(own, { below, ofUser: true, lowest: false }, this.config)
    if (problem) return { key: POLICY_KEYS[problem.key].key, text: problem.text }
    for (const property of ['ipv4Address', 'ipv6Address'] as const) {
      const address = own[property]
      const owner = address ? this.source.ownerOf(address) : undefined
      if (owner !== undefined && owner !== user.name) return { key: POLICY_KEYS[property].key, text: `${address} belongs to ${owner}` }
    }
    return undefined
  }
}
