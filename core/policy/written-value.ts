import { formatDuration } from '../config/units.ts'
import { policyUnit } from './keys.ts'
import type { Policy, PolicyKey } from './policy.ts'

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
