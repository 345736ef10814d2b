import { GatewayError, nearest, userNameProblem, type Audit, type Clock, type CommandHandler, type CommandInput, type CommandResult, type EndCause, type GatewayConfig, type UserRecords, type WrittenPolicy, type WrittenValue, writtenEntry } from '../../core/api.ts'
import type { UserPolicy } from './user-policy.ts'
import { parseExpiry } from './expiry.ts'
import type { PasswordHasher } from './password-hasher.ts'
import type { PasswordRules } from './password-rules.ts'
import type { UserSessions } from './user-sessions.ts'
import type { UserTable } from './user-table.ts'
import type { User } from './user.ts'

/** The `user` commands. Each change is in the audit, with who asked for it. */
export class UserCommands {
  constructor(
    private readonly users: UserTable,
    private readonly hasher: PasswordHasher,
    private readonly sessions: UserSessions,
    private readonly audit: Audit,
    private readonly clock: Clock,
    private readonly config: GatewayConfig,
    private readonly policy: UserPolicy,
    private readonly rules: PasswordRules,
    private readonly records: () => readonly UserRecords[],
  ) {}

  readonly handlers: Readonly<Record<string, CommandHandler>> = {
    'user add': (input) => this.audited('user.add', input, () => this.add(input)),
    'user list': () => ({ data: this.users.list().map(recordOf) }),
    'user show': (input) => this.show(input),
    'user set': (input) => this.audited('user.set', input, () => this.set(input)),
    'user unset': (input) => this.audited('user.unset', input, () => this.unset(input)),
    'user passwd': (input) => this.audited('user.passwd', input, () => this.passwd(input)),
    'user lock': (input) => this.audited('user.lock', input, () => this.lock(input)),
    'user unlock': (input) => this.audited('user.unlock', input, () => this.unlock(input)),
    'user remove': (input) => this.audited('user.remove', input, () => this.remove(input)),
  }

  private async add(input: CommandInput): Promise<CommandResult> {
    const name = input.args['name'] ?? ''
    const problem = userNameProblem(name)
    if (problem) throw new GatewayError('USAGE', problem)
    const taken = this.users.get(name)
    if (taken) throw new GatewayError('USER_EXISTS', `the user ${taken.name} exists already`)
    const groups = this.groups(input) ?? []
    const expiry = expiryOf(input)
    const hash = await this.hasher.hash(await this.acceptable(name, input.secret))
    const user: User = { name, groups, locked: false, expiresAt: expiry === 'none' ? undefined : expiry, createdAt: this.clock.now() }
    this.users.insert(user, hash, input.options['must-change'] === true)
    return { data: recordOf(user), text: `user ${name} added` }
  }

  private show(input: CommandInput): CommandResult {
    const user = this.known(input)
    const policy = this.users.policy(user.name)
    const { setAt = 0, mustChange = false } = this.users.credentials(user.name) ?? {}
    const password = { passwordSetAt: new Date(setAt).toISOString(), mustChange }
    const kept = this.records().flatMap((records) => records.describe(user.name) ?? [])
    const data = Object.assign({ ...recordOf(user), ...password, policy, sessions: this.sessions.count(user.name) ?? null }, ...kept.map((one) => one.data)) as object
    return { data, text: [policyText(policy), ...(mustChange ? ['the next login has to change the password'] : []), ...kept.map((one) => one.text)].join('\n') }
  }

  private set(input: CommandInput): CommandResult {
    const user = this.known(input)
    const groups = this.groups(input)
    const expiry = expiryOf(input)
    const assignments = wordsOf(input, 'values')
    if (!groups && expiry === undefined && assignments.length === 0) throw new GatewayError('USAGE', 'nothing to change: name --group, --expires or KEY=VALUE')
    const policy = assignments.length > 0 ? this.policy.assigned(groups ? { ...user, groups } : user, assignments) : undefined
    if (groups) this.users.setGroups(user.name, groups)
    if (expiry !== undefined) this.users.setExpiry(user.name, expiry === 'none' ? undefined : expiry)
    if (policy) this.users.setPolicy(user.name, policy)
    return this.changed(input, groups !== undefined || policy !== undefined)
  }

  private unset(input: CommandInput): CommandResult {
    const user = this.known(input)
    this.users.setPolicy(user.name, this.policy.without(user, wordsOf(input, 'keys')))
    return this.changed(input, true)
  }

  /** The user's sessions take over what they can, at once. */
  private changed(input: CommandInput, renew: boolean): CommandResult {
    const user = this.known(input)
    const sessions = renew ? (this.sessions.renew(user.name) ?? 0) : 0
    const note = sessions === 0 ? '' : `, ${sessions} live ${sessions === 1 ? 'session' : 'sessions'} with it (what clients have to be told comes with their next CONNECT)`
    return { data: { ...recordOf(user), policy: this.users.policy(user.name) }, text: `user ${user.name} changed${note}` }
  }

  private async passwd(input: CommandInput): Promise<CommandResult> {
    const user = this.known(input)
    const hash = await this.hasher.hash(await this.acceptable(user.name, input.secret))
    // The user may have gone while the hash was computed.
    this.users.setHash(this.known(input).name, hash, this.clock.now(), input.options['must-change'] === true)
    const live = this.sessions.count(user.name) ?? 0
    const note = live === 0 ? '' : `; ${live} live ${live === 1 ? 'session goes' : 'sessions go'} on (to end: postern user lock, postern session terminate)`
    return { data: { name: user.name, sessions: live }, text: `password of ${user.name} changed${note}` }
  }

  private lock(input: CommandInput): CommandResult {
    const user = this.known(input)
    this.users.setLocked(user.name, true)
    return this.cutOff(user, 'user-locked', 'locked')
  }

  private unlock(input: CommandInput): CommandResult {
    const user = this.known(input)
    this.users.setLocked(user.name, false)
    return { data: { name: user.name }, text: `user ${user.name} ${user.locked ? 'unlocked' : 'was not locked'}` }
  }

  private remove(input: CommandInput): CommandResult {
    const user = this.known(input)
    this.users.remove(user.name)
    for (const records of this.records()) records.forget(user.name)
    return this.cutOff(user, 'user-removed', 'removed')
  }

  /** The row is changed already: nobody logs in again behind the last session. */
  private cutOff(user: User, cause: EndCause, done: string): CommandResult {
    const ended = this.sessions.end(user.name, cause)
    const note = ended === undefined ? '; sessions end when the gateway starts' : ended === 0 ? '' : `, ${ended} ${ended === 1 ? 'session' : 'sessions'} ended`
    return { data: { name: user.name, sessionsEnded: ended ?? null }, text: `user ${user.name} ${done}${note}` }
  }

  private known(input: CommandInput): User {
    const name = input.args['name'] ?? ''
    const user = this.users.get(name)
    if (user) return user
    const similar = nearest(name, this.users.list().map((other) => other.name))
    throw new GatewayError('USER_UNKNOWN', `there is no user ${printable(name)}${similar === undefined ? '' : ` (did you mean ${similar}?)`}`)
  }

  private async acceptable(name: string, secret: string | undefined): Promise<string> {
    if (secret === undefined) throw new GatewayError('USAGE', 'a password is needed: --password-stdin')
    const problem = await this.rules.problem(name, secret)
    if (problem !== undefined) throw new GatewayError('REFUSED', problem)
    return secret
  }

  private groups(input: CommandInput): readonly string[] | undefined {
    const named = input.options['group']
    if (!Array.isArray(named) || named.length === 0) return undefined
    const groups = [...new Set(named as readonly string[])]
    for (const group of groups) {
      if (this.config.groups.has(group)) continue
      const similar = nearest(group, this.config.groups.keys())
      const hint = similar === undefined ? `; there are: ${[...this.config.groups.keys()].join(', ')}` : ` (did you mean ${similar}?)`
      throw new GatewayError('GROUP_UNKNOWN', `there is no group ${printable(group)}${hint}`)
    }
    return groups
  }

  private async audited(action: string, input: CommandInput, run: () => CommandResult | Promise<CommandResult>): Promise<CommandResult> {
    const entry = { action, actor: input.actor, subject: printable(input.args['name'] ?? '') }
    try {
      const result = await run()
      const words = [...wordsOf(input, 'values'), ...wordsOf(input, 'keys')].join(', ')
      this.audit.record({ ...entry, ok: true, ...(words !== '' && { detail: printable(words, 256) }) })
      return result
    } catch (error) {
      this.audit.record({ ...entry, ok: false, detail: error instanceof GatewayError ? error.code : 'INTERNAL' })
      throw error
    }
  }
}

function expiryOf(input: CommandInput): number | 'none' | undefined {
  const text = input.options['expires']
  if (typeof text !== 'string') return undefined
  const expiry = parseExpiry(text)
  if (expiry === undefined) throw new GatewayError('USAGE', `--expires ${printable(text)}: give a date (2027-01-31), an RFC 3339 time, or none`)
  return expiry
}

const printable = (text: string, length = 64): string => JSON.stringify(text.slice(0, length)).slice(1, -1)

const wordsOf = ({ options }: CommandInput, name: string): readonly string[] => {
  const words = options[name]
  return Array.isArray(words) ? (words as readonly string[]) : []
}

const policyText = (policy: WrittenPolicy): string =>
  Object.keys(policy).length === 0 ? 'no policy of its own' : ['policy of its own:', ...Object.entries(policy).map(([key, value]) => `  ${writtenEntry(key, value as WrittenValue)}`)].join('\n')

/** The documented JSON of one user. */
const recordOf = (user: User) => ({
  name: user.name,
  groups: user.groups,
  locked: user.locked,
  expiresAt: user.expiresAt === undefined ? null : new Date(user.expiresAt).toISOString(),
  createdAt: new Date(user.createdAt).toISOString(),
})
