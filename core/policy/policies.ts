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
    resolve({ user, group, host, attributes }) {
      const config = current()
      const own = sources().flatMap((source) => source.layer(user) ?? [])
      if (own.length > 0 || attributes) return resolveLayers([...own, ...groupLayer(config, group), ...(attributes ? [attributes] : []), ...hostLayer(config, host), baseLayer(config)])
      if (shared.config !== config) shared = new SharedPolicies(config)
      return shared.of(group, host)
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
const hostLayer = (config: GatewayConfig, host: string | undefined): readonly PolicyLayer[] => {
  const values = host === undefined ? undefined : config.hosts.get(host)?.policy
  return values && Object.keys(values).length > 0 ? [{ origin: `host ${host}`, values }] : []
}
const baseLayer = ({ policy }: GatewayConfig): PolicyLayer => ({ origin: '[policy]', values: policy })

/** What everybody in a group of a host has who has nothing of their own: one value for all of them. */
class SharedPolicies {
  private readonly known = new Map<string, ResolvedPolicy>()

  constructor(readonly config: GatewayConfig) {}

  of(group: string, host: string | undefined): ResolvedPolicy {
    const layers = [...groupLayer(this.config, group), ...hostLayer(this.config, host), baseLayer(this.config)]
    const key = layers.map(({ origin }) => origin).join()
    const known = this.known.get(key)
    if (known) return known
    const resolved = resolveLayers(layers)
    this.known.set(key, resolved)
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
