import type { GatewayConfig } from '../../core/api.ts'
import type { AlwaysOnConfig } from './config.ts'
import { makeProfile, type Profile } from './profile.ts'

/** The profiles in force, made anew when the section or the gateway's own changes. */
export class ProfileBook {
  private made: { readonly gateway: unknown; readonly groups: unknown; readonly profiles: ReadonlyMap<string, Profile> } | undefined

  constructor(
    private config: AlwaysOnConfig,
    private readonly core: GatewayConfig,
  ) {}

  replace(config: AlwaysOnConfig): void {
    this.config = config
    this.made = undefined
  }

  list(): readonly Profile[] {
    return [...this.profiles().values()]
  }
  byName(name: string): Profile | undefined {
    return this.profiles().get(name)
  }
  /** The one that names the group, else the one that names none. */
  byGroup(group: string): Profile | undefined {
    const entries = Object.entries(this.config.profile)
    const [name] = entries.find(([, { groups }]) => groups.includes(group)) ?? entries.find(([, { groups }]) => groups.length === 0) ?? []
    return name === undefined ? undefined : this.byName(name)
  }

  private profiles(): ReadonlyMap<string, Profile> {
    const { gateway, groups } = this.core
    if (this.made?.gateway !== gateway || this.made.groups !== groups) {
      this.made = { gateway, groups, profiles: new Map(Object.entries(this.config.profile).map(([name, profile]) => [name, makeProfile(name, profile, this.core)])) }
    }
    return this.made.profiles
  }
}
