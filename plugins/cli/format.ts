import type { ColumnDefinition } from '../../core/api.ts'
import { printable } from './printable.ts'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const ABSENT = '-'

/** `999 B`, `1.25 MB`, `12.5 GB`: three digits, decimal units as in the configuration. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2)} ${UNITS[unit]}`
}

/** Seconds as the two largest units: `2d 3h`, `5m 12s`, `45s`. */
export function formatDuration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds))
  const parts = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor(total / 3_600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'm'],
    [total % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0s'
  return parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join(' ')
}

/** An RFC 3339 time in the zone of who reads it. */
export function formatTime(text: string): string {
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) return printable(text)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** The value at `tls.cipher` in a row. */
export function valueAt(row: unknown, key: string): unknown {
  let value = row
  for (const part of key.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}

/** One line for people; `-` for what is not there. */
export function formatValue(value: unknown, format: ColumnDefinition['format']): string {
  if (value === undefined || value === null || value === '') return ABSENT
  if (Array.isArray(value)) return value.length === 0 ? ABSENT : value.map((one) => formatValue(one, undefined)).join(format === 'list' ? ', ' : ' ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (format === 'bytes') return formatBytes(Number(value))
    if (format === 'duration') return formatDuration(Number(value))
    if (format === 'time') return formatTime(new Date(Number(value)).toISOString())
    return String(value)
  }
  if (typeof value !== 'string') return printable(JSON.stringify(value))
  return format === 'time' ? formatTime(value) : printable(value)
}
