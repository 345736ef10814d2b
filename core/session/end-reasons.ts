import type { DtlsDownReason } from '../dataplane.ts'
import type { MachineEvent } from './session-machine.ts'
import type { EndCause, TunnelEndReason } from './session.ts'

/** Acct-Terminate-Cause, RFC 2866 section 5.10. */
export const TERMINATE_CAUSE = {
  userRequest: 1, lostCarrier: 2, lostService: 3, idleTimeout: 4, sessionTimeout: 5, adminReset: 6, adminReboot: 7,
  nasError: 9, nasRequest: 10, portPreempted: 13, serviceUnavailable: 15, userError: 17,
} as const

/** A reason in the words of those who hear of it. */
export interface EndReason {
  /** One clause for the operator: log, `session show`, audit. */
  readonly said: string
  /** For accounting: one of TERMINATE_CAUSE. */
  readonly terminateCause: number
}
export interface SessionEndReason extends EndReason {
  /**
   * For the user, at most 256 bytes: with DISCONNECT (or TERMINATE, when that was asked for) if a tunnel stands, and as
   * `X-Reason` of the 401 if the client comes with the cookie later.
   */
  readonly text: string
  /** Has the end its own row in the audit? */
  readonly audited: boolean
}

const T = TERMINATE_CAUSE

/** Ends of sessions, which are final: the client gets DISCONNECT and has to log in again. */
export const SESSION_ENDS: Readonly<Record<EndCause, SessionEndReason>> = {
  user: { said: 'the user quit', text: 'You have logged out.', terminateCause: T.userRequest, audited: true },
  admin: { said: 'the administrator ended it', text: 'The administrator has ended your session.', terminateCause: T.adminReset, audited: true },
  'disconnected-timeout': { said: 'its client did not come back within disconnected-timeout', text: 'The session has ended: it was disconnected for too long.', terminateCause: T.lostCarrier, audited: true },
  'session-timeout': { said: 'session-timeout', text: 'The session has reached its maximum length. Please log in again.', terminateCause: T.sessionTimeout, audited: true },
  'idle-timeout': { said: 'its client did not come back within idle-timeout', text: 'The session has ended: it was idle for too long.', terminateCause: T.idleTimeout, audited: true },
  'inactivity-timeout': { said: 'its client sent no payload for inactivity-timeout', text: 'The session has ended: nothing was sent for too long. Please log in again.', terminateCause: T.idleTimeout, audited: true },
  superseded: { said: 'its device logged in again', text: 'A newer session of this device has taken over.', terminateCause: T.portPreempted, audited: true },
  replaced: { said: 'its user logged in once more and has max-sessions', text: 'You have logged in on another device, and this session was your oldest.', terminateCause: T.portPreempted, audited: true },
  hours: { said: 'the hours of its user are over', text: 'The hours in which you may be connected are over.', terminateCause: T.sessionTimeout, audited: true },
  quota: { said: 'the quota of its user is used up', text: 'Your data volume is used up.', terminateCause: T.nasRequest, audited: true },
  'user-removed': { said: 'the account was removed', text: 'Your account has been removed.', terminateCause: T.adminReset, audited: true },
  'user-locked': { said: 'the account was locked', text: 'Your account has been locked.', terminateCause: T.adminReset, audited: true },
  'user-expired': { said: 'the account expired', text: 'Your account has expired.', terminateCause: T.nasRequest, audited: true },
  'group-removed': { said: 'its group is not configured any more', text: 'Your group is no longer available. Please log in again.', terminateCause: T.adminReset, audited: true },
  'group-left': { said: 'the user is not in its group any more', text: 'You are no longer a member of this group. Please log in again.', terminateCause: T.adminReset, audited: true },
  withdrawn: { said: 'the server that let its user in withdrew it', text: 'Your session was ended by the server that manages your account.', terminateCause: T.adminReset, audited: true },
  'login-unused': { said: 'no CONNECT came after the login', text: 'The login was not used in time.', terminateCause: T.nasRequest, audited: false },
  'lease-lost': { said: 'its address is in no pool any more', text: 'The address of this session is no longer available.', terminateCause: T.serviceUnavailable, audited: true },
  damaged: { said: 'its row in the database is damaged', text: 'The session has ended. Please log in again.', terminateCause: T.nasError, audited: true },
}

/** Ends of tunnels whose sessions go on: the connection closes without DISCONNECT, so that the client comes back. */
export const TUNNEL_ENDS: Readonly<Record<TunnelEndReason, EndReason>> = {
  gone: { said: 'the connection died while the tunnel was set up', terminateCause: T.lostCarrier },
  eof: { said: 'the client or a network in between closed the connection', terminateCause: T.lostCarrier },
  'peer-disconnect': { said: 'the client closed the tunnel', terminateCause: T.userRequest },
  dpd: { said: 'the client did not answer DPD', terminateCause: T.lostCarrier },
  frame: { said: 'the client sent a broken frame', terminateCause: T.userError },
  tls: { said: 'the TLS connection failed', terminateCause: T.lostService },
  dropped: { said: 'the gateway dropped it', terminateCause: T.nasRequest },
  superseded: { said: 'a newer connection of the session took over', terminateCause: T.portPreempted },
  stopped: { said: 'the gateway stopped', terminateCause: T.adminReboot },
  internal: { said: 'an error inside the gateway', terminateCause: T.nasError },
  rekey: { said: 'its keys were used up, the client makes new ones', terminateCause: T.nasRequest },
  'sent-round': { said: 'the gateway sent its client round for values that changed', terminateCause: T.nasRequest },
}

/** Ends of DTLS channels whose tunnels go on over TLS: the client is told nothing, data comes over TLS from then on. */
export const DTLS_ENDS: Readonly<Record<DtlsDownReason, string>> = {
  closed: 'the client closed it',
  dpd: 'the client did not answer DPD over UDP',
  replaced: 'a newer handshake took over',
  forged: 'too many records were forged',
  withdrawn: 'the gateway withdrew it',
  unreachable: 'the network refuses our datagrams',
  rekey: 'its keys were used up, the client makes new ones',
}

/** What a client means by its DISCONNECT: the first byte of the payload (reference protocol section 6). Only `quit` ends the session. */
export type Goodbye = 'quit' | 'reconnecting' | 'paused' | 'error' | 'other'
const GOODBYES: ReadonlyMap<number | undefined, Goodbye> = new Map([[0xb0, 'quit'], [0x91, 'reconnecting'], [0xd1, 'paused'], [0x70, 'error']])
export const readGoodbye = (payload: Uint8Array): Goodbye => GOODBYES.get(payload[0]) ?? 'other'

/** After `peer-disconnect`, instead of its own clause. */
export const GOODBYE_ENDS: Readonly<Record<Goodbye, string>> = {
  quit: SESSION_ENDS.user.said,
  reconnecting: 'the client reconnects',
  paused: 'the client paused the tunnel',
  error: 'the client had an error of its own',
  other: TUNNEL_ENDS['peer-disconnect'].said,
}

/** Why the tunnel of a session ended, in one clause. */
export function downClause(event: MachineEvent): string {
  if (event.type === 'end') return SESSION_ENDS[event.cause].said
  if (event.type === 'start') return TUNNEL_ENDS[event.over].said
  if (event.type !== 'down') throw new Error(`${event.type} ends no tunnel`)
  return event.reason === 'peer-disconnect' ? GOODBYE_ENDS[event.goodbye ?? 'other'] : TUNNEL_ENDS[event.reason].said
}

/** The text behind the code of a client's DISCONNECT, fit for a log line; undefined without one. */
export function goodbyeText(payload: Uint8Array): string | undefined {
  const text = Buffer.from(payload.subarray(1, 201)).toString('utf8').replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+/gu, ' ').trim()
  return text === '' ? undefined : text
}
