import type { RefusalReason } from '../../core/api.ts'
import { randomBytes } from 'node:crypto'
import { bindRefusal } from './bind-refusal.ts'
import type { AuthLdapConfig } from './config.ts'
import { ResultError, ServerFault, type Connection, type Entry, type Search } from './connection.ts'
import { escapeDnValue } from './dn.ts'
import { escapeFilterValue, fill } from './filter.ts'
import { decidesGroups, groupsOf, searchesGroups } from './groups.ts'
import { POLICY, type PolicyAnswer } from './password-policy.ts'

/** The password is right and has to be replaced. */
export interface MustChange {
  readonly kind: 'must-change'
  readonly dn: string
  /** As typed. */
  readonly typed: string
  /** As the directory has it, where the gateway may see it now. */
  readonly user: string
  readonly detail: string
}
export type Verdict =
  | { readonly kind: 'proved'; readonly user: string; readonly groups: readonly string[] }
  | MustChange
  | Refused
export interface Refused {
  readonly kind: 'refused'
  readonly reason: RefusalReason
  readonly detail: string
  /** A password was looked at, and how long that took is how long a refusal takes. */
  readonly asked: boolean
}

const ACCOUNT_DISABLED = 2
const MAX_NAME = 253
const refused = (reason: RefusalReason, detail: string, asked = true): Refused => ({ kind: 'refused', reason, detail, asked })
const DISABLED = refused('locked', 'the account is disabled')
const MUST_CHANGE = 'the password must be changed'

/** Binds as the gateway itself, or as nobody. Throws ServerFault when that is refused. */
export async function bindSelf(connection: Connection, section: Pick<AuthLdapConfig, 'bind-dn' | 'bind-password-file'>): Promise<void> {
  const who = section['bind-dn'] === undefined ? 'the anonymous bind' : 'bind-dn'
  let policy: PolicyAnswer
  try {
    policy = await connection.bind(section['bind-dn'] ?? '', section['bind-password-file']?.reveal() ?? '')
  } catch (error) {
    if (!(error instanceof ResultError)) throw error
    const { detail = 'not by the password' } = bindRefusal(error.code, error.diagnostic, error.policy) ?? {}
    throw new ServerFault(`${who} is refused: ${detail}: ${error.message}`)
  }
  // It may read nothing until then.
  if (policy.error === POLICY.mustChange) throw new ServerFault(`${who} is refused: ${MUST_CHANGE}`)
}

/** Asks one server whether the password is the user's, and for the groups. Throws ServerFault when the server cannot say it. */
export async function judge(connection: Connection, section: AuthLdapConfig, typed: string, password: string): Promise<Verdict> {
  try {
    const found = section['user-dn'] === undefined ? await search(connection, section, typed) : fill(section['user-dn'], { user: typed }, escapeDnValue)
    if (typeof found === 'object' && 'kind' in found) {
      // Nobody has this name: the same is asked for as for a wrong password.
      await bindUser(connection, `cn=${randomBytes(12).toString('hex')},${section['base-dn']}`, password)
      return found
    }
    const [dn, seen] = typeof found === 'string' ? [found, undefined] : [found.dn, found]
    const mustChange = (detail: string): Verdict => (seen && isDisabled(seen) ? DISABLED : { kind: 'must-change', dn, typed, user: (seen && nameOf(section, seen, typed)) ?? typed, detail })
    const bound = await bindUser(connection, dn, password)
    if (bound.kind === 'refused') return bound.reason === 'password-expired' ? mustChange(bound.detail) : bound
    const { error, graceLeft } = bound.policy
    // Such a user may read nothing.
    if (error === POLICY.mustChange) return mustChange(MUST_CHANGE)
    const entry = seen ?? (await connection.search(dn, { ...wanted(section), scope: 'base', filter: '(objectClass=*)', limit: 1 }))[0]
    if (!entry) return refused('unavailable', 'the user may not read the own entry')
    if (isDisabled(entry)) return DISABLED
    if (saysTrue(entry, 'pwdReset')) return mustChange(MUST_CHANGE)
    if (graceLeft !== undefined && section['password-change']) return mustChange(`the password has expired, logins left with it: ${graceLeft}`)
    return await proved(connection, section, entry, typed)
  } catch (error) {
    if (error instanceof ResultError) return refused('unavailable', `the directory refuses a search: ${error.message}`, false)
    throw error
  }
}

const wanted = (section: AuthLdapConfig): Pick<Search, 'attributes' | 'binary'> => ({
  attributes: [section['user-from'], ...(section['group-from'] === undefined ? [] : [section['group-from']]), 'userAccountControl', 'nsAccountLock', 'pwdReset', ...(decidesGroups(section) ? ['primaryGroupID', 'objectSid'] : [])],
  binary: ['objectSid'],
})

async function search(connection: Connection, section: AuthLdapConfig, typed: string): Promise<Entry | Verdict> {
  await bindSelf(connection, section)
  const filter = fill(section['user-filter'] ?? '(uid={user})', { user: typed }, escapeFilterValue)
  const [entry, ...others] = await connection.search(section['base-dn'], { ...wanted(section), scope: 'sub', filter, limit: 2 })
  if (!entry) return refused('wrong-credentials', 'no such user', false)
  if (others.length > 0) return refused('wrong-credentials', `user-filter finds more than one entry: ${entry.dn.slice(0, 200)} and others`, false)
  return entry
}

async function bindUser(connection: Connection, dn: string, password: string): Promise<Refused | { readonly kind: 'in'; readonly policy: PolicyAnswer }> {
  try {
    return { kind: 'in', policy: await connection.bind(dn, password) }
  } catch (error) {
    if (!(error instanceof ResultError)) throw error
    const refusal = bindRefusal(error.code, error.diagnostic, error.policy)
    if (!refusal) throw new ServerFault(`a bind is refused: ${error.message}`)
    return refused(refusal.reason, refusal.detail)
  }
}

/** What directories keep beside the password and do not all look at themselves. */
const saysTrue = (entry: Entry, attribute: string): boolean => entry.values(attribute).some((value) => value.toUpperCase() === 'TRUE')
const isDisabled = (entry: Entry): boolean => saysTrue(entry, 'nsAccountLock') || entry.values('userAccountControl').some((value) => (Number(value) & ACCOUNT_DISABLED) !== 0)

/** The name of the session; undefined where the entry has none that does. */
function nameOf(section: AuthLdapConfig, entry: Entry, typed: string): string | undefined {
  const names = entry.values(section['user-from'])
  const user = names.find((name) => name.toLowerCase() === typed.toLowerCase()) ?? names[0]
  return user === undefined || user === '' || user !== user.trim() || Buffer.byteLength(user) > MAX_NAME || /\p{C}/u.test(user) ? undefined : user
}

async function proved(connection: Connection, section: AuthLdapConfig, entry: Entry, typed: string): Promise<Verdict> {
  const user = nameOf(section, entry, typed)
  if (user === undefined) return refused('unavailable', `the entry has no usable ${section['user-from']} (user-from)`)
  if (!decidesGroups(section)) return { kind: 'proved', user, groups: [] }
  if (searchesGroups(section) && section['user-dn'] === undefined) await bindSelf(connection, section)
  return { kind: 'proved', user, groups: await groupsOf(connection, section, entry, user) }
}
