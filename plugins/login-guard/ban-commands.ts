import {
  contains, duration, endpointAddress, GatewayError, parseAddress,
  type Audit, type Clock, type ColumnDefinition, type CommandDefinition, type CommandHandler, type CommandInput, type CommandResult, type Prefix, type Sessions,
} from '../../core/api.ts'
import { banTarget, banText, prefixOfTarget, waitText, type Ban, type BanTarget } from './ban.ts'
import type { BanList } from './ban-list.ts'
import type { GuardSettings } from './config.ts'
import { accountOf } from './place.ts'

const COLUMNS: readonly ColumnDefinition[] = [
  { key: 'target', title: 'Who' }, { key: 'kind', title: 'Kind' }, { key: 'by', title: 'By' }, { key: 'since', title: 'Since', format: 'time' },
  { key: 'until', title: 'Until', format: 'time' }, { key: 'reason', title: 'Why' },
]
const TARGET = { name: 'target', description: 'address (192.0.2.7), network (192.0.2.0/24, 2001:db8::/64) or name of a user' }

export const BAN_COMMANDS: readonly CommandDefinition[] = [
  { path: 'ban list', summary: 'Show who may not log in, until when and why', where: 'either', columns: COLUMNS },
  {
    path: 'ban add', summary: 'Refuse logins of a network or a user; sessions go on', args: [TARGET], where: 'either',
    options: [
      { name: 'for', description: 'how long (30m, 12h, 7d); absent: until it is removed', type: 'text', placeholder: 'DURATION' },
      { name: 'reason', description: 'why, for the list and the audit', type: 'text', placeholder: 'TEXT' },
      { name: 'drop', description: 'end the sessions from there, or of the user, too', type: 'flag' },
    ],
  },
  { path: 'ban remove', summary: 'Lift a ban and forget the failures behind it', args: [TARGET], where: 'either' },
]

export interface BanCommandParts {
  readonly audit: Audit
  readonly bans: BanList
  readonly clock: Clock
  readonly settings: () => GuardSettings
  /** In a running gateway. */
  readonly serving: {
    readonly sessions: Pick<Sessions, 'list' | 'end'>
    readonly guard: { forgetNetwork(matches: (network: string) => boolean): void; forgetUser(account: string): boolean; locked(): readonly { readonly user: string; readonly leftMs: number }[] }
  } | undefined
}

const MAX_REASON = 200

/** `postern ban`. */
export class BanCommands {
  constructor(private readonly parts: BanCommandParts) {}

  readonly handlers: Readonly<Record<string, CommandHandler>> = {
    'ban list': () => this.list(),
    'ban add': (input) => this.add(input),
    'ban remove': (input) => this.remove(input),
  }

  private list(): CommandResult {
    const { bans, clock, serving } = this.parts
    const now = clock.now()
    const locked = (serving?.guard.locked() ?? []).map(({ user, leftMs }) => ({ target: user, kind: 'user', by: 'login-guard', since: null, until: iso(now + leftMs), reason: 'too many failures: only from networks where the user has logged in before' }))
    const rows = bans.list().map((ban) => {
      const left = bans.left(ban)
      return { target: ban.target, kind: ban.kind, by: ban.automatic ? 'login-guard' : 'admin', since: iso(ban.since), until: left === undefined ? null : iso(now + left), reason: ban.reason }
    })
    return { data: [...rows, ...locked] }
  }

  private add({ args, options, actor }: CommandInput): CommandResult {
    const { audit, bans, clock } = this.parts
    const target = banTarget(args['target'] ?? '')
    const spared = target.kind === 'network' ? this.parts.settings().neverBan.find((network) => network.family === target.prefix.family && (contains(network, first(target.prefix)) || contains(target.prefix, first(network)))) : undefined
    if (spared) throw new GatewayError('REFUSED', `${target.target}: never-ban of [login-guard] has addresses of it`)
    const lasts = lengthOf(options['for'])
    const reason = reasonOf(options['reason'])
    const since = clock.now()
    const ban: Ban = { kind: target.kind, target: target.target, automatic: false, reason, since, until: lasts === undefined ? undefined : since + lasts, strikes: 0 }
    bans.add(ban)
    const ended = options['drop'] === true ? this.drop(target, ban, lasts) : undefined
    const until = ban.until === undefined ? 'until it is removed' : `for ${waitText(ban.until - since)}`
    audit.record({ action: 'ban.add', actor, subject: ban.target, ok: true, detail: `${until}${reason === '' ? '' : `: ${reason}`}${ended === undefined ? '' : `; ${ended} sessions ended`}` })
    const sessions = options['drop'] !== true ? '; sessions go on (--drop ends them)' : ended === undefined ? '; the gateway does not run, no session was ended' : `, ${ended} ${ended === 1 ? 'session' : 'sessions'} ended`
    return { data: { target: ban.target, kind: ban.kind, until: ban.until === undefined ? null : iso(ban.until), sessionsEnded: ended ?? null }, text: `${ban.target} may not log in ${until}${sessions}` }
  }

  private remove({ args, actor }: CommandInput): CommandResult {
    const { audit, bans, serving } = this.parts
    const target = banTarget(args['target'] ?? '')
    const found = target.kind === 'user' ? [bans.at('user', target.target)] : [bans.at('network', target.target), ...bans.around(target.prefix).filter(({ automatic }) => automatic)]
    const lifted = [...new Set(found.filter((ban) => ban !== undefined))]
    if (lifted.length > 0) bans.remove(lifted)
    const networks = [...(target.kind === 'network' ? [target.prefix] : []), ...lifted.flatMap((ban) => prefixOfTarget(ban.target) ?? [])]
    let forgotten = false
    if (target.kind === 'user') forgotten = serving?.guard.forgetUser(target.target) ?? false
    else serving?.guard.forgetNetwork((network) => networks.some((lifted) => overlap(lifted, network)))
    const still = target.kind === 'network' ? bans.around(target.prefix)[0] : undefined
    if (still) throw new GatewayError('REFUSED', `${target.target} lies in ${still.target}, which is banned${lifted.length > 0 ? ' too' : ''}: remove that`)
    if (lifted.length === 0 && !forgotten) throw new GatewayError('REFUSED', `${target.target} is not banned`)
    audit.record({ action: 'ban.remove', actor, subject: target.target, ok: true, ...(lifted.length > 0 && { detail: lifted.map(({ target, reason }) => `${target}${reason === '' ? '' : `: ${reason}`}`).join('; ') }) })
    return { data: { target: target.target, removed: lifted.map(({ target }) => target) }, text: `${lifted.map(({ target }) => target).join(', ') || target.target} may log in again` }
  }

  /** How many sessions; undefined when the gateway does not run. */
  private drop(target: BanTarget, ban: Ban, lasts: number | undefined): number | undefined {
    const sessions = this.parts.serving?.sessions
    if (!sessions) return undefined
    const text = banText(ban, lasts)
    const meant = sessions.list().filter(({ user, peer }) => {
      if (target.kind === 'user') return accountOf(user) === target.target
      const address = parseAddress(endpointAddress(peer).replace(/^::ffff:(?=\d+\.)/i, ''))
      return address !== undefined && address.family === target.prefix.family && contains(target.prefix, address)
    })
    return meant.filter(({ id }) => sessions.end(id, 'admin', text)).length
  }
}

const iso = (at: number): string => new Date(at).toISOString()
const first = ({ family, base }: { readonly family: 4 | 6; readonly base: bigint }) => ({ family, value: base })
function overlap(lifted: Prefix, network: string): boolean {
  const other = prefixOfTarget(network)
  return other !== undefined && other.family === lifted.family && (contains(lifted, first(other)) || contains(other, first(lifted)))
}

/** Ms; undefined: for good. */
function lengthOf(option: unknown): number | undefined {
  if (typeof option !== 'string') return undefined
  const parsed = duration({ min: 60 }).safeParse(option)
  if (!parsed.success) throw new GatewayError('USAGE', `--for: ${parsed.error.issues[0]?.message ?? 'not a duration such as "1h"'}`)
  return parsed.data * 1000
}
function reasonOf(option: unknown): string {
  if (typeof option !== 'string') return ''
  if (option.length > MAX_REASON || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(option)) throw new GatewayError('USAGE', `--reason must be one line of at most ${MAX_REASON} characters`)
  return option
}
