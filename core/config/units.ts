import { z } from 'zod'
import { quote, written } from './written.ts'

/** Zod schemas of the quantities in the configuration. Each is written as text with its unit; a bare number is refused. */

type Units = Readonly<Record<string, number>>
const DAY = 86_400
const DURATION: Units = { s: 1, m: 60, h: 3600, d: DAY }
const SIZE: Units = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 }
/** Bits on the wire to bytes a second. */
const RATE: Units = { 'bit/s': 1 / 8, 'kbit/s': 1e3 / 8, 'Mbit/s': 1e6 / 8, 'Gbit/s': 1e9 / 8 }

/** The number in front of one of `units`, multiplied; undefined when the text is anything else. */
function quantity(text: string, units: Units): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z/]{1,8})$/.exec(text)
  const name = match?.[2] ?? ''
  const unit = Object.hasOwn(units, name) ? units[name] : undefined
  const value = unit === undefined ? undefined : Math.floor(Number(match?.[1]) * unit)
  return value === undefined || value > Number.MAX_SAFE_INTEGER ? undefined : value
}

/** Seconds as text in the largest unit that divides them: 300 -> `5m`. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0s'
  const [unit, length] = Object.entries(DURATION).reverse().find(([, length]) => seconds % length === 0) ?? ['s', 1]
  return `${seconds / length}${unit}`
}

/** `"30s" "5m" "12h" "2d"` -> seconds. Range in seconds, both ends included; up to a year when not given. */
export function duration(range: { readonly min?: number; readonly max?: number } = {}) {
  const { min = 0, max = 365 * DAY } = range
  return written('a duration', '30s', (text) => {
    const seconds = /^\d{1,9}[smhd]$/.test(text) ? quantity(text, DURATION) : undefined
    if (seconds === undefined) return { refusal: `${quote(text)} is not a duration such as "30s", "5m", "12h" or "2d"` }
    if (seconds < min || seconds > max) return { refusal: `must be between ${formatDuration(min)} and ${formatDuration(max)}, not ${text}` }
    return { value: seconds }
  }, true).meta({ unit: 'duration', range: `${formatDuration(min)}..${formatDuration(max)}` })
}

/** `"10 GB"` -> bytes; decimal and binary (`MiB`) units. */
export const size = () =>
  written('a size', '10 GB', (text) => {
    const bytes = quantity(text, SIZE)
    return bytes === undefined ? { refusal: `${quote(text)} is not a size such as "10 GB" or "512 MiB"` } : { value: bytes }
  }, true).meta({ unit: 'size' })

/** `"50 Mbit/s"` -> bytes a second; `""` -> 0, which means no limit. */
export const rate = () =>
  written('a rate', '50 Mbit/s', (text) => {
    const bytes = text === '' ? 0 : quantity(text, RATE)
    return bytes === undefined || (bytes === 0 && text !== '')
      ? { refusal: `${quote(text)} is not a rate such as "50 Mbit/s" or "1 Gbit/s"` }
      : { value: bytes }
  }, true).meta({ unit: 'rate' })

/** `"50 GB / month"`, kept as written; `""` is none. */
export const quota = () =>
  written('a quota', '50 GB / month', (text) => {
    const [amount = '', period = '', ...rest] = text.split(' / ')
    const good = text === '' || (rest.length === 0 && ['day', 'week', 'month'].includes(period) && (quantity(amount, SIZE) ?? 0) > 0)
    return good ? { value: text } : { refusal: `${quote(text)} is not a quota such as "50 GB / month" (day, week or month)` }
  }, true).meta({ unit: 'quota' })

/** A whole number, both ends included. */
export const integer = (min: number, max: number) => z.int().min(min).max(max).meta({ range: `${min}..${max}` })
