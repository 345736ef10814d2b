import type { RefusalReason } from '../../core/api.ts'

/** What a client shows for each refusal. `%s` stands for the error id of an internal error. */
export const REFUSAL_TEXTS: Readonly<Record<RefusalReason, string>> = {
  'wrong-credentials': 'Login failed. Please check your user name and password.',
  locked: 'This account is locked. Please contact your administrator.',
  expired: 'This account has expired. Please contact your administrator.',
  'not-in-group': 'You are not a member of this group. Please choose another one.',
  'too-many-tries': 'Too many failed attempts. Please connect again.',
  'too-many-sessions': 'You have too many sessions open. Please disconnect another device first.',
  'server-full': 'The gateway is full. Please try again later.',
  unavailable: 'Login is not possible right now. Please try again later.',
  internal: 'Internal error. Please tell your administrator this number: %s',
}

/** Shown with a fresh form when the dialogue that a client goes on with is gone. */
export const STALE_TEXT = 'The login took too long. Please try again.'
export const BUSY_TEXT = 'The previous answer is still being checked. Please try again.'
export const UNPARSABLE_TEXT = 'VPN Server could not parse request.'

/** Answers to CONNECT: the reason phrase and `X-Reason`. */
export const COOKIE_TEXT = 'Cookie is not acceptable'
export const ROAMING_TEXT = 'This session may not move to another address'
export const CONTESTED_TEXT = 'Another client uses this session'
export const POOL_TEXT = 'No address is free'
export const BUSY_GATEWAY_TEXT = 'The gateway cannot serve this session right now'

export const refusalText = (reason: RefusalReason, errorId = ''): string => REFUSAL_TEXTS[reason].replace('%s', errorId)
