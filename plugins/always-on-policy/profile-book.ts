import { contains, parseAddress, parsePrefix, type GatewayConfig } from '../../core/api.ts'
import type { AlwaysOnConfig } from './config.ts'
import { makeProfiles, type Profile } from './profile.ts'

/** The profiles in force, made anew when the section or the gateway's own changes. */
export class ProfileBook {
  private made: { readonly gateway: unknown; readonly groups: unknown; readonly hosts: unknown; readonly profiles: readonly Profile[] } | undefined

  constructor(
    private config: AlwaysOnConfig,
    private readonly core: GatewayConfig,
  ) {}

  replace(config: AlwaysOnConfig): void {
    this.config = config
    this.made = undefined
  }

  list(): readonly Profile[] {
    const { gateway, groups, hosts } = this.core
    if (this.made?.gateway !== gateway || this.made.groups !== groups || this.made.hosts !== hosts) this.made = { gateway, groups, hosts, profiles: makeProfiles(this.config, this.core) }
    return this.made.profiles
  }
  byName(name: string): Profile | undefined {
    return this.list().find((profile) => profile.name === name)
  }
  /** The one that names the group, else the one that names none. */
  byGroup(group: string): Profile | undefined {
    return this.list().find(({ groups }) => groups.includes(group)) ?? this.list().find(({ groups }) => groups.length === 0)
  }

  isKnownProxy(address: string): boolean {
    const peer = parseAddress(address.replace(/^::ffff:(?=\d+\.)/i, ''))
    return peer !== undefined && this.config['known-proxies'].some((text) => {
      const network = parsePrefix(text)
      return network !== undefined && contains(network, peer)
    })
  }
}
