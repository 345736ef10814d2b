import { GatewayError } from '../errors.ts'
import type { Policy } from '../policy/policy.ts'
import type { SessionRecord } from './session-record.ts'
import type { EndCause } from './session.ts'

/** Logins of one user that no CONNECT has used yet; the oldest gives way to the next. */
export const UNUSED_SESSIONS = 8
/** A client that is alive answers our DPD within this, ms. */
const ANSWER_MS = 5000

export interface SessionLimits {
  /** Of the user, of the gateway; 0 = none. */
  readonly own: number
  readonly total: number
  /** At the user's limit the oldest session ends, whoever has it. */
  readonly replace?: boolean
}
/** Who has an address of his own has one session: there is no second address for another. */
export const sessionsOfUser = ({ maxSessions, ipv4Address, ipv6Address }: Policy): number => (ipv4Address === '' && ipv6Address === '' ? maxSessions : 1)

export interface GivesWay {
  readonly record: SessionRecord
  readonly cause: EndCause
}

/**
 * Which sessions of `newcomer`'s user end so that it fits; `own` has them all, oldest first, `all` is their number in the
 * gateway. Throws SESSION_LIMIT.
 *
 * Always: what the same device (by its unique id) left waiting, for it would only hold an address. Of logins that were never
 * connected all but a few. At a limit, further: such logins; then, oldest first, sessions of the same device (user
 * and unique id, or platform and host name: whoever would get their addresses) that wait for their client or whose client
 * does not answer. A dead session must not keep its user out; one that is alive gives way to nobody, unless `replace` says that the
 * user's oldest does: to another login of the same user, never for a place in the gateway.
 */
export function givingWay(newcomer: SessionRecord, own: readonly SessionRecord[], all: number, limits: SessionLimits, silentMs: (record: SessionRecord) => number): readonly GivesWay[] {
  const { user, claim: { owner }, device: { uniqueId } } = newcomer
  const waits = (record: SessionRecord): boolean => record.used && record.machine.tunnel === undefined
  const replaced = uniqueId === undefined ? [] : own.filter((record) => waits(record) && record.device.uniqueId === uniqueId)
  const rest = own.filter((record) => !replaced.includes(record))
  const unused = rest.filter(({ used }) => !used)
  const left = rest.filter((record) => record.claim.owner === owner && waits(record))
  const deaf = rest.filter((record) => record.claim.owner === owner && record.machine.tunnel !== undefined && silentMs(record) > answersWithinMs(record))
  const beyond = (count: number, limit: number): number => (limit > 0 ? count - replaced.length + 1 - limit : 0)
  const ofUser = beyond(own.length, limits.own)
  const ofGateway = beyond(all, limits.total)
  const most = unused.length + left.length + deaf.length
  const alive = limits.replace === true && ofUser > most ? rest.filter((record) => ![...unused, ...left, ...deaf].includes(record)).slice(0, ofUser - most) : []
  if (ofUser > most + alive.length) throw new GatewayError('SESSION_LIMIT', `${user} has ${own.length} sessions, ${limits.own} are allowed`)
  if (ofGateway > most + alive.length) throw new GatewayError('SESSION_LIMIT', `the gateway has ${all} sessions, ${limits.total} are allowed`)
  const needed = Math.max(0, ofUser, ofGateway)
  const idle = unused.slice(0, Math.max(0, unused.length + 1 - UNUSED_SESSIONS, needed))
  const dead = [...left, ...deaf].slice(0, Math.max(0, needed - idle.length))
  return [...[...replaced, ...dead].map((record): GivesWay => ({ record, cause: 'superseded' })), ...alive.map((record): GivesWay => ({ record, cause: 'replaced' })), ...idle.map((record): GivesWay => ({ record, cause: 'login-unused' }))]
}

/** Without DPD nobody can say that it is dead. */
function answersWithinMs({ device, policy: { values: { dpdSec, mobileDpdSec } } }: SessionRecord): number {
  const interval = device.mobile ? mobileDpdSec : dpdSec
  return interval === 0 ? Infinity : interval * 1000 + ANSWER_MS
}
