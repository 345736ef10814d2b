import type { RefusalReason } from '../../core/api.ts'
import { isActiveDirectory } from './active-directory.ts'
import { bindRefusal } from './bind-refusal.ts'
import type { AuthLdapConfig } from './config.ts'
import { ResultError, type Connection } from './connection.ts'
import { bindSelf, judge, type MustChange, type Verdict } from './directory.ts'
import { POLICY } from './password-policy.ts'

/** Why a password was not replaced. `unacceptable`: another may be offered. */
export type ChangeProblem = { readonly kind: 'unacceptable'; readonly text: string } | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly detail: string }
/** `verdict`: of the login with the new password. */
export interface Changed {
  readonly kind: 'changed'
  readonly verdict: Verdict
}

const OF_THE_PASSWORD: Readonly<Record<number, string>> = {
  [POLICY.tooSimple]: 'the directory finds it too simple', [POLICY.tooShort]: 'the directory finds it too short', [POLICY.tooLong]: 'the directory finds it too long',
  [POLICY.usedBefore]: 'you have used it before', [POLICY.tooYoung]: 'the directory does not take another change so soon',
}
const CONSTRAINT = 19
const UNWILLING = 53
/** Win32 errors in front of the diagnostic text of Active Directory. */
const RESTRICTION = '0000052D'
const WRONG_OLD = '00000056'

/** What the answer to a change means. */
export function changeProblem({ code, diagnostic, policy }: Pick<ResultError, 'code' | 'diagnostic' | 'policy'>): ChangeProblem {
  const known = policy.error === undefined ? undefined : OF_THE_PASSWORD[policy.error]
  if (known !== undefined) return { kind: 'unacceptable', text: known }
  const refused = (reason: 'password-expired' | 'wrong-credentials'): ChangeProblem => ({ kind: 'refused', reason, detail: `the directory refuses the change: ${diagnostic === '' ? 'no reason' : diagnostic} (result ${code})` })
  const win32 = /^([0-9A-F]{8}):/i.exec(diagnostic)?.[1]?.toUpperCase()
  if (win32 === RESTRICTION && (code === CONSTRAINT || code === UNWILLING)) return { kind: 'unacceptable', text: 'the directory finds it too short or too simple, or you have used it before, or changed it too recently' }
  if (win32 === WRONG_OLD) return refused('wrong-credentials')
  if (code !== CONSTRAINT || win32 !== undefined || policy.error !== undefined) return refused('password-expired')
  return { kind: 'unacceptable', text: diagnostic === '' ? 'the directory does not take it' : `the directory says "${diagnostic}"` }
}

/**
 * Replaces the password and logs in with the new one: as the user where the directory still lets the user in, else as the gateway, when the old one is
 * right and has expired. Throws ServerFault.
 */
export async function changePassword(connection: Connection, section: AuthLdapConfig, { dn, typed }: Pick<MustChange, 'dn' | 'typed'>, old: string, fresh: string): Promise<ChangeProblem | Changed> {
  // Before the bind: who must change the password may read nothing.
  const activeDirectory = await isActiveDirectory(connection)
  if (activeDirectory && !connection.encrypted) return expired('Active Directory takes new passwords over TLS alone')
  try {
    const problem = await bindForChange(connection, section, dn, old)
    if (problem) return problem
    await (activeDirectory ? connection.replaceUnicodePwd(dn, old, fresh) : connection.modifyPassword(dn, old, fresh))
  } catch (error) {
    if (error instanceof ResultError) return changeProblem(error)
    throw error
  }
  return { kind: 'changed', verdict: await judge(connection, section, typed, fresh) }
}

async function bindForChange(connection: Connection, section: AuthLdapConfig, dn: string, old: string): Promise<ChangeProblem | undefined> {
  try {
    await connection.bind(dn, old)
  } catch (error) {
    if (!(error instanceof ResultError)) throw error
    const { reason, detail } = bindRefusal(error.code, error.diagnostic, error.policy) ?? { reason: 'unavailable', detail: error.message }
    if (reason !== 'password-expired') return { kind: 'refused', reason, detail }
    if (section['bind-dn'] === undefined) return expired('the directory does not let the user in to change it, and there is no bind-dn')
    await bindSelf(connection, section)
  }
  return undefined
}

const expired = (detail: string): ChangeProblem => ({ kind: 'refused', reason: 'password-expired', detail })
