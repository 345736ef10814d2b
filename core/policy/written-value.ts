import { formatDuration } from '../config/units.ts'
import { POLICY_KEYS, POLICY_PROPERTIES, policyUnit } from './keys.ts'
import type { Policy, PolicyKey, PolicyListKey, PolicyValues } from './policy.ts'

/** A value as the file would have it: 1800 -> `30m`, 6 250 000 -> `50 Mbit/s`; lists and the rest as they are. */
export function writtenValue<K extends PolicyKey>(key: K, value: Policy[K]): string | number | boolean | readonly string[] {
  if (typeof value !== 'number') return value
  const { unit } = policyUnit(key)
  return unit === 'duration' ? formatDuration(value) : unit === 'rate' ? formatRate(value) : value
}

/** Bytes a second in the largest unit that keeps it whole; 0 is no limit. */
function formatRate(bytes: number): string {
  const bits = bytes * 8
  const [unit, factor] = ([['Gbit/s', 1e9], ['Mbit/s', 1e6], ['kbit/s', 1e3], ['bit/s', 1]] as const).find(([, factor]) => bits % factor === 0) ?? ['bit/s', 1]
  return bits === 0 ? '' : `${bits / factor} ${unit}`
}

export type WrittenValue = ReturnType<typeof writtenValue> | { readonly append: readonly string[] }

/** A layer as the file would have it, by the names of its keys. */
export function writtenValues(values: PolicyValues): Readonly<Record<string, WrittenValue>> {
  return Object.fromEntries(POLICY_PROPERTIES.flatMap((property): [string, WrittenValue][] => {
    const [value, append] = [values[property], values.append?.[property as PolicyListKey]]
    const { key } = POLICY_KEYS[property]
    return value !== undefined ? [[key, writtenValue(property, value)]] : append ? [[key, { append }]] : []
  }))
}

/** `dns = ["10.0.0.1"]`, `search = { append = ["a.example"] }`. */
export const writtenEntry = (key: string, value: WrittenValue): string =>
  typeof value === 'object' && 'append' in value ? `${key} = { append = ${JSON.stringify(value.append)} }` : `${key} = ${JSON.stringify(value)}`
