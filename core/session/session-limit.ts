import type { Policy } from '../policy/policy.ts'
import { hoursEdge } from './hours.ts'

/** When a session ends by itself, and why. */
export interface SessionLimit {
  /** Wall clock, ms. */
  readonly at: number
  readonly cause: 'session-timeout' | 'hours'
}

/** The end of the session timeout or of the hours, whichever comes first; undefined: neither. */
export function sessionLimit(createdAt: number, { sessionTimeoutSec, hours }: Pick<Policy, 'sessionTimeoutSec' | 'hours'>, now: number): SessionLimit | undefined {
  const edge = hoursEdge(hours, now)
  const closes = edge.open ? edge.at : now
  const ends = sessionTimeoutSec === 0 ? undefined : createdAt + sessionTimeoutSec * 1000
  if (closes !== undefined && (ends === undefined || closes < ends)) return { at: closes, cause: 'hours' }
  return ends === undefined ? undefined : { at: ends, cause: 'session-timeout' }
}
