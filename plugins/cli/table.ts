import type { ColumnDefinition } from '../../core/api.ts'
import { formatValue, valueAt } from './format.ts'
import type { Paint } from './paint.ts'

const GAP = '  '
/** No column is cut to less. */
const NARROWEST = 6

/** Rows under titles; cut to `width` columns of the screen when that is known, the first column never. */
export function renderTable(columns: readonly ColumnDefinition[], rows: readonly unknown[], width: number | undefined, paint: Paint): string {
  const cells = rows.map((row) => columns.map(({ key, format }) => formatValue(valueAt(row, key), format)))
  const natural = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)))
  const widths = width === undefined ? natural : fit(natural, width)
  const right = columns.map(({ key, format }) => format === 'bytes' || format === 'duration' || rows.every((row) => typeof valueAt(row, key) === 'number'))
  const line = (row: readonly string[]): string => row.map((cell, at) => align(cut(cell, widths[at] ?? 0), widths[at] ?? 0, right[at] === true)).join(GAP).trimEnd()
  return [paint('bold', line(columns.map(({ title }) => title))), ...cells.map(line)].join('\n') + '\n'
}

/** Takes from the widest column until the line fits or nothing more can be taken. */
function fit(natural: readonly number[], width: number): number[] {
  const widths = [...natural]
  const total = (): number => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1)
  while (total() > width) {
    const widest = widths.reduce((best, one, at) => (at > 0 && one > (widths[best] ?? 0) ? at : best), Math.min(1, widths.length - 1))
    if (widest === 0 || (widths[widest] ?? 0) <= NARROWEST) break
    widths[widest]!--
  }
  return widths
}

const cut = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, width - 1)}…`)
const align = (text: string, width: number, right: boolean): string => (right ? text.padStart(width) : text.padEnd(width))

/** One record as `title: value` lines. */
export function renderRecord(columns: readonly ColumnDefinition[], record: unknown, paint: Paint): string {
  const widest = Math.max(...columns.map(({ title }) => title.length)) + 1
  return columns.map(({ key, title, format }) => `${paint('bold', `${title}:`.padEnd(widest))} ${formatValue(valueAt(record, key), format)}\n`).join('')
}
