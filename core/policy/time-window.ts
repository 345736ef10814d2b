import { quote, written } from '../config/written.ts'

/** One window of a week; `from` and `to` in minutes of the day, `to` not included; it goes past midnight when `to` <= `from`. */
export interface TimeWindow {
  /** 0 = Sunday. */
  readonly days: readonly number[]
  readonly from: number
  readonly to: number
}
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

/** `mon-fri 08:00-18:00`, `sat 22:00-04:00`, `mon,wed 09:00-12:00`; undefined: anything else. */
export function parseTimeWindow(text: string): TimeWindow | undefined {
  const [names = '', hours = '', ...rest] = text.split(' ')
  const times = /^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(hours)
  const days = names.split(',').map(dayRange)
  if (rest.length > 0 || !times || days.includes(undefined)) return undefined
  const [, fromHour, fromMinute, toHour, toMinute] = times
  return {
    days: [...new Set(days.flatMap((range) => range ?? []))].sort(),
    from: Number(fromHour) * 60 + Number(fromMinute),
    to: toHour === undefined ? 24 * 60 : Number(toHour) * 60 + Number(toMinute),
  }
}

function dayRange(text: string): readonly number[] | undefined {
  const [first = '', last = first, ...rest] = text.split('-')
  const [from, to] = [DAYS.indexOf(first as (typeof DAYS)[number]), DAYS.indexOf(last as (typeof DAYS)[number])]
  if (from < 0 || to < 0 || rest.length > 0) return undefined
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, index) => (from + index) % 7)
}

export const timeWindow = () =>
  written('hours', 'mon-fri 08:00-18:00', (text) =>
    parseTimeWindow(text) ? { value: text } : { refusal: `${quote(text)} is not a time such as "mon-fri 08:00-18:00" or "sat,sun 10:00-14:00"` })
