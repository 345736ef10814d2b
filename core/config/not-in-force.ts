import { POLICY_KEYS, POLICY_PROPERTIES } from '../policy/keys.ts'
import type { PolicyListKey, PolicyValues } from '../policy/policy.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { pathText } from './problems.ts'

/** Keys that are checked but have no effect in this version, with the value that needs none. */
export const NOT_IN_FORCE: readonly { readonly key: string; readonly where: 'anywhere' | 'in groups'; readonly idle: unknown; value(policy: PolicyValues): unknown }[] = POLICY_PROPERTIES
  .flatMap((property) => {
    const { key, builtIn: idle, notInForce: where } = POLICY_KEYS[property]
    return where === undefined ? [] : [{ key, where, idle, value: (policy: PolicyValues) => policy[property] ?? policy.append?.[property as PolicyListKey] }]
  })

/** One line for each such key that the operator set to something. */
export function notInForce(config: GatewayConfig): string[] {
  const layers = [
    { path: ['policy'], policy: config.policy },
    ...(['group', 'host'] as const).flatMap((section) => [...config[`${section}s`].values()].map(({ name, policy }) => ({ path: [section, name, 'policy'], policy }))),
  ]
  const keys = layers.flatMap(({ path, policy }) =>
    NOT_IN_FORCE.flatMap(({ key, where, idle, value }) => {
      const set = value(policy)
      if (where === 'in groups' && path.length === 1) return []
      return set === undefined || JSON.stringify(set) === JSON.stringify(idle) ? [] : [pathText([...path, key])]
    }))
  return keys.map((key) => `${key} is accepted but not yet in force`)
}
