import { BUILT_IN_POLICY, POLICY_PROPERTIES } from './keys.ts'
import type { Policy, PolicyKey, PolicyLayer, PolicyListKey, PolicyRateKey, ResolvedPolicy } from './policy.ts'

/** Keys that hold lists: a layer may append to them. */
export const POLICY_LISTS = POLICY_PROPERTIES.filter((key): key is PolicyListKey => Array.isArray(BUILT_IN_POLICY[key]))
const isList = (key: PolicyKey): key is PolicyListKey => POLICY_LISTS.includes(key as PolicyListKey)

/**
 * The first layer that has a key gives its value, with what layers above it append, the lowest first. Highest layer first;
 * built-in values lie below the last. An entry that is there already is not appended. A rate is not more than any layer has it at most.
 */
export function resolveLayers(layers: readonly PolicyLayer[]): ResolvedPolicy {
  const values: Record<string, unknown> = {}
  const origins: Record<string, string> = {}
  for (const key of POLICY_PROPERTIES) {
    const at = layers.findIndex(({ values }) => values[key] !== undefined)
    const layer = layers[at]
    const value = layer ? layer.values[key] : BUILT_IN_POLICY[key]
    const above = isList(key) ? appended(at < 0 ? layers : layers.slice(0, at), key) : []
    values[key] = above.length === 0 ? value : [...new Set([...(value as readonly string[]), ...above.flatMap(({ entries }) => entries)])]
    // An empty list that nobody wrote is no part of a longer one.
    origins[key] = [...(layer || above.length === 0 ? [layer?.origin ?? 'built-in'] : []), ...above.map(({ origin }) => origin)].join(' + ')
  }
  for (const { origin, atMost = {} } of layers) {
    for (const [key, most] of Object.entries(atMost) as [PolicyRateKey, number][]) {
      if (values[key] !== 0 && (values[key] as number) <= most) continue
      values[key] = most
      origins[key] = origin
    }
  }
  return { values: values as unknown as Policy, origins: origins as Record<PolicyKey, string> }
}

const appended = (layers: readonly PolicyLayer[], key: PolicyListKey): readonly { readonly origin: string; readonly entries: readonly string[] }[] =>
  layers.flatMap(({ origin, values }) => {
    const entries = values.append?.[key]
    return entries === undefined ? [] : [{ origin, entries }]
  }).reverse()
