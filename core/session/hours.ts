import { parseTimeWindow, type TimeWindow } from '../policy/time-window.ts'

/** Whether it is open at `now`, and when that changes, wall clock ms; `at` undefined: never. */
export interface Edge {
  readonly open: boolean
  readonly at: number | undefined
}

/** A week and a day on each side: every window of a week has begun and ended within them. */
const DAYS_AHEAD = 9
const DAY_MINUTES = 24 * 60

/**
 * The next moment at which the windows, taken together, open or close, in the local time of this machine: days begin and hours
 * jump as its time zone has it. A window that a changing clock leaves out begins and ends as much later.
 */
export function nextEdge(windows: readonly TimeWindow[], now: number): Edge {
  const spans = merged(windows, now)
  const current = spans.find(({ from, to }) => from <= now && now < to)
  if (!current) return { open: false, at: spans.find(({ from }) => from > now)?.from }
  return { open: true, at: current.to - now > 8 * DAY_MINUTES * 60_000 ? undefined : current.to }
}

/** The same of the policy's `hours`; none: always open. */
export const hoursEdge = (hours: readonly string[], now: number): Edge =>
  hours.length === 0 ? { open: true, at: undefined } : nextEdge(hours.map(parseTimeWindow).filter((window) => window !== undefined), now)

interface Span {
  readonly from: number
  readonly to: number
}

function merged(windows: readonly TimeWindow[], now: number): readonly Span[] {
  const today = new Date(now)
  const at = (day: number, minutes: number): number => new Date(today.getFullYear(), today.getMonth(), today.getDate() + day, 0, minutes).getTime()
  const spans: Span[] = []
  for (let day = -2; day <= DAYS_AHEAD; day++) {
    const weekday = (((today.getDay() + day) % 7) + 7) % 7
    for (const { days, from, to } of windows) {
      if (days.includes(weekday)) spans.push({ from: at(day, from), to: at(day, to <= from ? to + DAY_MINUTES : to) })
    }
  }
  return spans.sort((one, other) => one.from - other.from).reduce<Span[]>((all, span) => {
    const last = all.at(-1)
    if (!last || span.from > last.to) return [...all, span]
    all[all.length - 1] = { from: last.from, to: Math.max(last.to, span.to) }
    return all
  }, [])
}
