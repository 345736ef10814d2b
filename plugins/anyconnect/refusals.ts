import { SESSION_ENDS, type CookieRefused, type RefusalReason } from '../../core/api.ts'

/**
 * The families of the error names in Cisco's client: which of its parts gives up. CTRANSPORT carries bytes, CONNECTIFC
 * reads HTTP answers, AGGAUTH the documents of a login, CERTIFICATE judges certificates, CONNECTMGR asks for the tunnel,
 * CSTPPROTOCOL speaks in it. Which name a client writes is inferred from its strings (reference cisco section 7); what it is sent is tested.
 */
export type CiscoFamily = 'CTRANSPORT' | 'CONNECTIFC' | 'AGGAUTH' | 'CERTIFICATE' | 'CONNECTMGR' | 'CSTPPROTOCOL'

export interface LoginRefusal {
  readonly family: CiscoFamily
  /** Shown over the form, as `<error id="88" param1="text">%s</error>`. `%s` stands for the error id of an internal error. */
  readonly text: string
  /** Shown above it. */
  readonly message?: string
}
export const LOGIN_REFUSALS: Readonly<Record<RefusalReason, LoginRefusal>> = {
  'wrong-credentials': { family: 'AGGAUTH', text: 'Login failed. Please check your user name and password.' },
  locked: { family: 'AGGAUTH', text: 'This account is locked. Please contact your administrator.' },
  expired: { family: 'AGGAUTH', text: 'This account has expired. Please contact your administrator.' },
  'not-in-group': { family: 'AGGAUTH', text: 'You are not a member of this group. Please choose another one.' },
  'too-many-tries': { family: 'AGGAUTH', text: 'Too many failed attempts. Please connect again.' },
  'too-many-sessions': { family: 'AGGAUTH', text: 'You have too many sessions open. Please disconnect another device first.' },
  'server-full': { family: 'AGGAUTH', text: 'The gateway is full. Please try again later.' },
  address: { family: 'AGGAUTH', text: 'Your address is not available. Please contact your administrator.' },
  unavailable: { family: 'AGGAUTH', text: 'Login is not possible right now. Please try again later.' },
  internal: { family: 'AGGAUTH', text: 'Internal error. Please tell your administrator this number: %s' },
  banned: { family: 'AGGAUTH', text: 'Too many failed attempts. Please try again later.' },
  'password-expired': { family: 'AGGAUTH', text: 'Your password has expired. Please contact your administrator.' },
  // The very words of Cisco's gateways. openconnect 9.01 knows them and shows nothing (measured), so the message has them again.
  'certificate-refused': { family: 'CERTIFICATE', text: 'Certificate Validation Failure', message: 'Certificate Validation Failure: your certificate is missing or was not accepted.' },
}
export const refusalText = (reason: RefusalReason, errorId = ''): string => LOGIN_REFUSALS[reason].text.replace('%s', errorId)

/** Shown with a fresh form when the dialogue that a client goes on with is gone. */
export const STALE_TEXT = 'The login took too long. Please try again.'
export const BUSY_TEXT = 'The previous answer is still being checked. Please try again.'
export const USER_BUSY_TEXT = 'Other logins of this user are being checked. Please try again.'
/** With 400 and `<error id="98">`. */
export const UNPARSABLE_TEXT = 'VPN Server could not parse request.'

export interface TunnelRefusal {
  readonly family: CiscoFamily
  /** Status line of the answer to CONNECT. 401 ends a client, which asks for a login; after 503 it comes again by itself. */
  readonly status: string
  /** `X-Reason`. */
  readonly text: string
}
const LOG_IN_AGAIN = '401 Cookie is not acceptable'
const COME_AGAIN = '503 Service Unavailable'
export const TUNNEL_REFUSALS = {
  cookie: { family: 'CONNECTMGR', status: LOG_IN_AGAIN, text: 'Cookie is not acceptable' },
  roaming: { family: 'CONNECTMGR', status: '401 This session may not move to another address', text: 'This session may not move to another address' },
  proof: { family: 'CONNECTMGR', status: '401 This session belongs to another client', text: 'This session belongs to another client' },
  contested: { family: 'CONNECTMGR', status: COME_AGAIN, text: 'Another client uses this session' },
  'no-address': { family: 'CONNECTMGR', status: COME_AGAIN, text: 'No address is free' },
  unavailable: { family: 'CONNECTMGR', status: COME_AGAIN, text: 'The gateway cannot serve this session right now' },
} as const satisfies Readonly<Record<string, TunnelRefusal>>

/** To a cookie that is good for nothing. Only who has a genuine one reads why. */
export function cookieRefusal({ ended }: Pick<CookieRefused, 'ended'>): TunnelRefusal {
  return ended === undefined ? TUNNEL_REFUSALS.cookie : { ...TUNNEL_REFUSALS.cookie, text: SESSION_ENDS[ended.cause].text }
}

/** Requests that the port itself answers, by status: but for 403 without a body, and the connection ends. */
export const REQUEST_REFUSALS: Readonly<Record<number, { readonly family: CiscoFamily; readonly when: string }>> = {
  400: { family: 'CONNECTIFC', when: 'not exactly one HTTP/1.1 request' },
  403: { family: 'CONNECTIFC', when: 'nobody can log in from there: a ban, with its text in the status line' },
  404: { family: 'CONNECTIFC', when: 'a path that nobody serves, CONNECT to anything but the tunnel' },
  405: { family: 'CONNECTIFC', when: 'a method the port does not know' },
  408: { family: 'CTRANSPORT', when: 'the request did not come in time' },
  413: { family: 'CONNECTIFC', when: 'the body is too long' },
  417: { family: 'CONNECTIFC', when: 'an expectation other than `100-continue`' },
  421: { family: 'CONNECTIFC', when: 'the Host header names another host than the TLS handshake' },
  431: { family: 'CONNECTIFC', when: 'the head is too long' },
  500: { family: 'CONNECTIFC', when: 'an error inside the gateway, with its number' },
  503: { family: 'CONNECTIFC', when: 'too many long bodies at once, or the client left before its login was done' },
}
