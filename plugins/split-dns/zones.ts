import type { ServerAddress, SplitDnsConfig } from './config.ts'

/** Who answers a name, and the zone's name that says so; `undefined` as name: the upstream. */
export interface Route {
  readonly zone: string | undefined
  readonly servers: readonly ServerAddress[]
}
interface Entry {
  /** The name itself. */
  exact?: Route
  /** Everything below it. */
  below?: Route
}

/** Names to servers for one group: the longest suffix wins, at equal length `*.name` over `name`. */
export class GroupZones {
  private readonly entries = new Map<string, Entry>()

  /** `own`: of this group alone; they win over the ones of every group at the same name. */
  constructor(private readonly others: readonly ServerAddress[], shared: SplitDnsConfig['zone'], own: SplitDnsConfig['zone']) {
    for (const zones of [shared, own]) for (const wildcard of [false, true]) for (const zone of zones) this.add(zone, wildcard)
  }

  private add({ names, servers }: SplitDnsConfig['zone'][number], wildcards: boolean): void {
    for (const zone of names) {
      const wild = zone.startsWith('*.')
      if (wild !== wildcards) continue
      const name = wild ? zone.slice(2) : zone
      const route = { zone, servers }
      this.entries.set(name, wild ? { ...this.entries.get(name), below: route } : { exact: route, below: route })
    }
  }

  /** `name` in lower case without a dot at the end. undefined: nobody answers it. */
  route(name: string): Route | undefined {
    let suffix = name
    for (let exact = true; ; exact = false) {
      const entry = this.entries.get(suffix)
      const route = exact ? entry?.exact : entry?.below
      if (route) return route
      const dot = suffix.indexOf('.')
      if (dot < 0) break
      suffix = suffix.slice(dot + 1)
    }
    return this.upstream ? { zone: undefined, servers: this.others } : undefined
  }

  /** Somebody answers every other name. */
  get upstream(): boolean {
    return this.others.length > 0
  }
  /** Names of the zones, those of wildcards without it, each once. */
  get names(): readonly string[] {
    return [...this.entries.keys()]
  }
  get routes(): readonly Route[] {
    const zones = [...this.entries.values()].flatMap(({ exact, below }) => [exact, below].filter((route) => route !== undefined))
    return [...new Map(zones.map((route) => [route.zone, route])).values()]
  }
}

/** The zones of each group, made when first asked for. */
export class Zones {
  private readonly groups = new Map<string, GroupZones>()
  private readonly named: ReadonlySet<string>
  private readonly shared: GroupZones

  constructor(private readonly config: SplitDnsConfig) {
    this.named = new Set(config.zone.flatMap(({ groups }) => groups))
    this.shared = new GroupZones(config.upstream, this.sharedZones, [])
  }

  of(group: string): GroupZones {
    if (!this.named.has(group)) return this.shared
    let zones = this.groups.get(group)
    if (!zones) {
      zones = new GroupZones(this.config.upstream, this.sharedZones, this.config.zone.filter(({ groups }) => groups.includes(group)))
      this.groups.set(group, zones)
    }
    return zones
  }

  private get sharedZones(): SplitDnsConfig['zone'] {
    return this.config.zone.filter(({ groups }) => groups.length === 0)
  }
}
