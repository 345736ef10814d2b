import { GatewayError } from '../errors.ts'
import type { SessionRecord } from './session-record.ts'

/** Logins of one user that no CONNECT has used yet; the oldest gives way to the next. */
export const UNUSED_SESSIONS = 8

export interface SessionLimits {
  /** Of the user, of the gateway; 0 = none. */
  readonly own: number
  readonly total: number
}

/**
 * Which sessions of `user` end so that one more fits: of `own`, oldest first, only such that were never connected. A
 * client that died between login and CONNECT must not keep its user out. `leaving` of `own` go anyway, `all` is the
 * number in the gateway. Throws SESSION_LIMIT.
 */
export function givingWay(user: string, own: readonly SessionRecord[], leaving: number, all: number, limits: SessionLimits): readonly SessionRecord[] {
  const unused = own.filter((record) => !record.used)
  const beyond = (count: number, limit: number): number => (limit > 0 ? count - leaving + 1 - limit : 0)
  const ofUser = beyond(own.length, limits.own)
  const ofGateway = beyond(all, limits.total)
  if (ofUser > unused.length) throw new GatewayError('SESSION_LIMIT', `${user} has ${own.length} sessions, ${limits.own} are allowed`)
  if (ofGateway > unused.length) throw new GatewayError('SESSION_LIMIT', `the gateway has ${all} sessions, ${limits.total} are allowed`)
  return unused.slice(0, Math.max(0, unused.length + 1 - UNUSED_SESSIONS, ofUser, ofGateway))
}
