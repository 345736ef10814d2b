import type { Spread } from './statistics.ts'

/** What a figure has to reach: `must` is the floor, `hard` is what the project wants. */
export interface Target {
  readonly must: number
  readonly hard?: number
  /** Judged is the ratio to ocserv (at least that much better), or Postern's own figure. Default the ratio. */
  readonly of?: 'ratio' | 'figure'
}
export type Verdict = 'hard' | 'must' | 'missed'

/** One line of the table: the same figure of both sides. */
export interface Line {
  readonly name: string
  readonly unit: string
  readonly better: 'less' | 'more'
  readonly postern: Spread
  /** Absent where ocserv has no such figure. */
  readonly ocserv?: Spread
  /** How many times better Postern is; above 1 is better, whichever way the figure counts. */
  readonly ratio?: number
  /** Absent where the line only informs. */
  readonly target?: Target
  readonly verdict?: Verdict
}

export function line(
  name: string,
  unit: string,
  better: 'less' | 'more',
  sides: { readonly postern: Spread; readonly ocserv?: Spread },
  target?: number | Target,
): Line {
  const { postern, ocserv } = sides
  const ratio = ocserv && (better === 'less' ? ocserv.median / postern.median : postern.median / ocserv.median)
  const wanted = typeof target === 'number' ? { must: target } : target
  const verdict = wanted && judge(wanted, better, postern.median, ratio)
  return {
    name, unit, better, postern,
    ...(ocserv && { ocserv }),
    ...(ratio !== undefined && { ratio }),
    ...(wanted && { target: wanted }),
    ...(verdict && { verdict }),
  }
}

/** A figure that is not a number meets nothing. */
function judge({ must, hard, of = 'ratio' }: Target, better: 'less' | 'more', figure: number, ratio: number | undefined): Verdict {
  const reaches = (goal: number): boolean => {
    if (of === 'ratio') return ratio !== undefined && ratio >= goal
    return better === 'less' ? figure <= goal : figure >= goal
  }
  if (hard !== undefined && reaches(hard)) return 'hard'
  return reaches(must) ? 'must' : 'missed'
}

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3))
const side = (spread: Spread | undefined): string => (spread ? `${digits(spread.median)} (${digits(spread.min)}-${digits(spread.max)})` : '')
const goal = (value: number | undefined, { of = 'ratio' }: Target): string => (value === undefined ? '' : of === 'ratio' ? `${value}x` : `${value}`)

/** Lines as text, columns aligned. */
export function table(lines: readonly Line[]): string {
  const rows = [
    ['line', 'unit', 'postern median (min-max)', 'ocserv', 'ratio', 'must', 'hard', 'verdict'],
    ...lines.map((each) => [
      each.name, each.unit, side(each.postern), side(each.ocserv), each.ratio === undefined ? '' : `${each.ratio.toFixed(2)}x`,
      each.target ? goal(each.target.must, each.target) : '', each.target ? goal(each.target.hard, each.target) : '', each.verdict ?? '',
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}
