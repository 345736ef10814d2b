import { GatewayError, readPolicy, type Logger, type PolicyLayer, type PolicySource, type PolicyValues, type WrittenPolicy } from '../../core/api.ts'
import type { UserTable } from './user-table.ts'

/** Groups and own values of local users. */
export class LocalPolicySource implements PolicySource {
  /** Of the users' version that `known` is about. */
  private version = -1
  private readonly layers = new Map<string, PolicyLayer>()
  private readonly owners = new Map<string, string>()

  constructor(
    private readonly users: UserTable,
    private readonly log: Pick<Logger, 'warn'>,
  ) {}

  layer(user: string): PolicyLayer | undefined {
    this.follow()
    return this.layers.get(user.toLowerCase())
  }

  /** undefined: not a user of this gateway. */
  groups(user: string): readonly string[] | undefined {
    return this.users.get(user)?.groups
  }

  ownerOf(address: string): string | undefined {
    this.follow()
    return this.owners.get(address)
  }

  private follow(): void {
    if (this.version === this.users.version) return
    this.layers.clear()
    this.owners.clear()
    for (const { name, policy } of this.users.policies()) {
      const values = this.read(name, policy)
      this.layers.set(name.toLowerCase(), { origin: `user ${name}`, values })
      for (const address of [values.ipv4Address, values.ipv6Address]) if (address) this.owners.set(address, name)
    }
    this.version = this.users.version
  }

  /** What this version does not take any more is left out, and said. */
  private read(name: string, written: WrittenPolicy): PolicyValues {
    try {
      return readPolicy(written)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.log.warn('a value of a user is not in force', { user: name, reason: error.message })
    }
    const good = Object.entries(written).filter(([key, value]) => {
      try {
        readPolicy({ [key]: value })
        return true
      } catch (error) {
        if (error instanceof GatewayError) return false
        throw error
      }
    })
    return readPolicy(Object.fromEntries(good))
  }
}
