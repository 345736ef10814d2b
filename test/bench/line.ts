import type { Spread } from './statistics.ts'

/** One line of the table: the same figure of both sides. */
export interface Line {
  readonly name: string
  readonly unit: string
  readonly postern: Spread
  readonly ocserv: Spread
  /** How many times better Postern is; above 1 is better, whichever way the figure counts. */
  readonly ratio: number
  /** Least ratio that the project asks for; absent where the line only informs. */
  readonly goal?: number
}

export function line(name: string, unit: string, better: 'less' | 'more', sides: { postern: Spread; ocserv: Spread }, goal?: number): Line {
  const { postern, ocserv } = sides
  const ratio = better === 'less' ? ocserv.median / postern.median : postern.median / ocserv.median
  return { name, unit, postern, ocserv, ratio, ...(goal === undefined ? {} : { goal }) }
}

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3))
const side = ({ median, min, max }: Spread): string => `${digits(median)} (${digits(min)}-${digits(max)})`

/** Lines as text, columns aligned. */
export function table(lines: readonly Line[]): string {
  const rows = [
    ['line', 'unit', 'postern median (min-max)', 'ocserv', 'ratio', 'goal'],
    ...lines.map((each) => [
      each.name, each.unit, side(each.postern), side(each.ocserv), `${each.ratio.toFixed(2)}x`,
      each.goal === undefined ? '' : `${each.goal}x ${each.ratio >= each.goal ? 'met' : 'missed'}`,
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}
