import type { GatewayConfig } from '../config/gateway-config.ts'
import type { PolicySource } from '../slots.ts'
import { BUILT_IN_POLICY, POLICY_PROPERTIES } from './keys.ts'
import type { Policies, Policy, PolicyKey, PolicyLayer, ResolvedPolicy } from './policy.ts'

/**
 * Policy by layers, key by key; a list replaces the list below it. `config` is asked at each resolution, so that a
 * reload shows in the next one; so are `sources`, whose layers go on top in their order.
 */
export function createPolicies(config: GatewayConfig | (() => GatewayConfig), sources: () => readonly PolicySource[]): Policies {
  const current = typeof config === 'function' ? config : () => config
  let shared = new SharedPolicies(current())
  return {
    resolve({ user, group, attributes }) {
      const config = current()
      const own = sources().flatMap((source) => source.layer(user) ?? [])
      if (own.length > 0 || attributes) return resolveLayers([...own, ...groupLayer(config, group), ...(attributes ? [attributes] : []), baseLayer(config)])
      if (shared.config !== config) shared = new SharedPolicies(config)
      return shared.of(group)
    },
    groups(user) {
      const known = sources().map((source) => source.groups?.(user)).filter((groups) => groups !== undefined)
      return known.length > 0 ? known.flat() : undefined
    },
  }
}

const groupLayer = ({ groups }: GatewayConfig, group: string): readonly PolicyLayer[] => {
  const values = groups.get(group)?.policy
  return values ? [{ origin: `group ${group}`, values }] : []
}
const baseLayer = ({ policy }: GatewayConfig): PolicyLayer => ({ origin: '[policy]', values: policy })

/** What everybody in a group has who has nothing of their own: one value for all of them. */
class SharedPolicies {
  private readonly byGroup = new Map<string, ResolvedPolicy>()
  private readonly outside: ResolvedPolicy

  constructor(readonly config: GatewayConfig) {
    this.outside = resolveLayers([baseLayer(config)])
  }

  of(group: string): ResolvedPolicy {
    if (!this.config.groups.has(group)) return this.outside
    const known = this.byGroup.get(group)
    if (known) return known
    const resolved = resolveLayers([...groupLayer(this.config, group), baseLayer(this.config)])
    this.byGroup.set(group, resolved)
    return resolved
  }
}

/** The first layer that has a key gives its value. */
export function resolveLayers(layers: readonly PolicyLayer[]): ResolvedPolicy {
  const values: Record<string, unknown> = {}
  const origins: Record<string, string> = {}
  for (const key of POLICY_PROPERTIES) {
    const layer = layers.find(({ values }) => values[key] !== undefined)
    values[key] = layer ? layer.values[key] : BUILT_IN_POLICY[key]
    origins[key] = layer?.origin ?? 'built-in'
  }
  return { values: values as unknown as Policy, origins: origins as Record<PolicyKey, string> }
}
