import type { GatewayConfig } from '../config/gateway-config.ts'
import type { PolicySource } from '../slots.ts'
import { resolveLayers } from './layers.ts'
import type { Policies, PolicyLayer, ResolvedPolicy } from './policy.ts'

/**
 * Policy by layers. `config` is asked at each resolution, so that a reload shows in the next one; so are `sources`, whose
 * layers go on top in their order.
 */
export function createPolicies(config: GatewayConfig | (() => GatewayConfig), sources: () => readonly PolicySource[]): Policies {
  const current = typeof config === 'function' ? config : () => config
  let shared = new SharedPolicies(current())
  const known = (user: string): readonly string[] | undefined => {
    const lists = sources().map((source) => source.groups?.(user)).filter((groups) => groups !== undefined)
    return lists.length > 0 ? lists.flat() : undefined
  }
  return {
    resolve({ user, group, host, groups, attributes }) {
      const config = current()
      const own = sources().flatMap((source) => source.layer(user) ?? [])
      const members = [...new Set([group, ...(known(user) ?? groups ?? [])])]
      if (own.length > 0 || attributes) return resolveLayers([...own, ...groupLayers(config, members), ...(attributes ? [attributes] : []), ...hostLayer(config, host), baseLayer(config)])
      if (shared.config !== config) shared = new SharedPolicies(config)
      return shared.of(members, host)
    },
    groups: known,
  }
}

const groupLayers = ({ groups }: GatewayConfig, names: readonly string[]): readonly PolicyLayer[] =>
  names.flatMap((name) => {
    const values = groups.get(name)?.policy
    return values && Object.keys(values).length > 0 ? [{ origin: `group ${name}`, values }] : []
  })
const hostLayer = (config: GatewayConfig, host: string | undefined): readonly PolicyLayer[] => {
  const values = host === undefined ? undefined : config.hosts.get(host)?.policy
  return values && Object.keys(values).length > 0 ? [{ origin: `host ${host}`, values }] : []
}
const baseLayer = ({ policy }: GatewayConfig): PolicyLayer => ({ origin: '[policy]', values: policy })

/** Combinations of groups that are remembered. */
const COMBINATIONS = 1000

/** What everybody in the same groups of a host has who has nothing of their own: one value for all of them. */
class SharedPolicies {
  private readonly known = new Map<string, ResolvedPolicy>()

  constructor(readonly config: GatewayConfig) {}

  of(groups: readonly string[], host: string | undefined): ResolvedPolicy {
    const layers = [...groupLayers(this.config, groups), ...hostLayer(this.config, host), baseLayer(this.config)]
    const key = layers.map(({ origin }) => origin).join()
    const known = this.known.get(key)
    if (known) return known
    const resolved = resolveLayers(layers)
    if (this.known.size >= COMBINATIONS) this.known.clear()
    this.known.set(key, resolved)
    return resolved
  }
}
