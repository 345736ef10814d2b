import { POLICY_KEYS, POLICY_PROPERTIES } from '../policy/keys.ts'
import type { PolicyValues } from '../policy/policy.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { pathText } from './problems.ts'

/** Keys that are checked but have no effect in this version, with the value that needs none. */
export const NOT_IN_FORCE: readonly { readonly key: string; readonly idle: unknown; value(policy: PolicyValues): unknown }[] = POLICY_PROPERTIES
  .filter((property) => POLICY_KEYS[property].notInForce)
  .map((property) => ({ key: POLICY_KEYS[property].key, idle: POLICY_KEYS[property].builtIn, value: (policy) => policy[property] }))

/** One line for each such key that the operator set to something. */
export function notInForce(config: GatewayConfig): string[] {
  const layers = [{ path: ['policy'], policy: config.policy }, ...[...config.groups.values()].map(({ name, policy }) => ({ path: ['group', name, 'policy'], policy }))]
  const keys = layers.flatMap(({ path, policy }) =>
    NOT_IN_FORCE.flatMap(({ key, idle, value }) => {
      const set = value(policy)
      // The firewall keeps clients apart for the gateway as a whole; single groups are still to come.
      if (key === POLICY_KEYS.clientToClient.key && path.length === 1) return []
      return set === undefined || JSON.stringify(set) === JSON.stringify(idle) ? [] : [pathText([...path, key])]
    }))
  if (config.gateway.proxyProtocolFrom.length > 0) keys.unshift('gateway.proxy-protocol-from')
  return keys.map((key) => `${key} is accepted but not yet in force`)
}
