import type { RefusalReason } from '../../core/api.ts'
import { POLICY, type PolicyAnswer } from './password-policy.ts'

export interface BindRefusal {
  readonly reason: RefusalReason
  /** For log and audit. */
  readonly detail: string
}

const INVALID_CREDENTIALS = 49
/**
 * What Active Directory says behind error 49, `data 532`. All but the first three and 775 come only with the right password, so they
 * may be told; 775 comes with any, and would tell strangers who exists.
 */
const ACTIVE_DIRECTORY: Readonly<Record<string, BindRefusal>> = {
  '525': { reason: 'wrong-credentials', detail: 'no such user (525)' },
  '52e': { reason: 'wrong-credentials', detail: 'wrong password (52e)' },
  '52f': { reason: 'locked', detail: 'a restriction of the account (52f)' },
  '530': { reason: 'locked', detail: 'not at this time (530)' },
  '531': { reason: 'locked', detail: 'not from this computer (531)' },
  '532': { reason: 'password-expired', detail: 'the password has expired (532)' },
  '533': { reason: 'locked', detail: 'the account is disabled (533)' },
  '701': { reason: 'expired', detail: 'the account has expired (701)' },
  '773': { reason: 'password-expired', detail: 'the password must be changed (773)' },
  '775': { reason: 'wrong-credentials', detail: 'the account is locked out (775)' },
}
/** Results that say something of the user: kept elsewhere, no such entry, invalid DN, no password in it, not allowed, policy. */
const OF_THE_USER: Readonly<Record<number, string>> = {
  [10]: 'the directory refers to another', [19]: 'a constraint of the directory', [21]: 'not a name of this directory', [32]: 'no such entry', [34]: 'not a name of this directory', [48]: 'the entry has no password', [50]: 'the directory does not let the user in', [53]: 'the directory is unwilling',
}

/** Why a bind as the user was refused; undefined when the result says more of the server than of the user. */
export function bindRefusal(code: number, diagnostic: string, policy: PolicyAnswer = {}): BindRefusal | undefined {
  if (code === INVALID_CREDENTIALS) {
    // Said after the password was found right; that of a locked account before anybody has looked.
    if (policy.error === POLICY.expired) return { reason: 'password-expired', detail: 'the password has expired' }
    if (policy.error === POLICY.locked) return { reason: 'wrong-credentials', detail: 'the account is locked out' }
    const data = /\bdata ([0-9a-f]{3,4})\b/i.exec(diagnostic)?.[1]?.toLowerCase() ?? ''
    return ACTIVE_DIRECTORY[data] ?? { reason: 'wrong-credentials', detail: 'wrong password' }
  }
  const detail = OF_THE_USER[code]
  return detail === undefined ? undefined : { reason: 'wrong-credentials', detail: `${detail} (${code})` }
}
