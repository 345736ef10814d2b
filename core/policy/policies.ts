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
  return {
    resolve({ user, group, attributes }) {
      const { groups, policy } = current()
      const own = sources().flatMap((source) => source.layer(user) ?? [])
      const groupValues = groups.get(group)?.policy
      return resolveLayers([
        ...own,
        ...(groupValues ? [{ origin: `group ${group}`, values: groupValues }] : []),
        ...(attributes ? [attributes] : []),
        { origin: '[policy]', values: policy },
      ])
    },
    groups(user) {
      const known = sources().map((source) => source.groups?.(user)).filter((groups) => groups !== undefined)
      return known.length > 0 ? known.flat() : undefined
    },
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
