import { GatewayError, type Audit, type Clock, type CommandDefinition, type CommandHandler, type GatewayConfig, type Policies, type UserRecords } from '../../core/api.ts'
import { parseQuota, periodEnd, type Period } from './quota.ts'
import type { UsageBook } from './usage-book.ts'
import type { UsageTable } from './usage-table.ts'

export const QUOTA_COMMANDS: readonly CommandDefinition[] = [
  {
    path: 'quota list', summary: 'List what users with a quota have moved in the current period', where: 'either',
    columns: [
      { key: 'user', title: 'User' }, { key: 'quota', title: 'Quota' }, { key: 'usedBytes', title: 'Used', format: 'bytes' }, { key: 'percent', title: '%' },
      { key: 'since', title: 'Since', format: 'time' }, { key: 'until', title: 'Until', format: 'time' },
    ],
  },
  { path: 'quota reset', summary: 'Let a user begin the period anew', where: 'either', args: [{ name: 'name', description: 'name of the user' }] },
]

export interface QuotaCommandParts {
  readonly audit: Audit
  readonly clock: Clock
  readonly config: GatewayConfig
  readonly policies: Policies
  readonly table: UsageTable
  readonly book: UsageBook
  /** In a running gateway: sessions go on unslowed. */
  readonly forget: (user: string) => void
}

/** What a user has moved in the period of now; `quota` and `percent` null where the quota is of another period, or none. */
interface QuotaUsage {
  readonly user: string
  readonly period: Period
  readonly quota: string | null
  readonly usedBytes: number
  readonly percent: number | null
  readonly since: string
  readonly until: string
}
const usages = ({ book, clock, config, policies }: Pick<QuotaCommandParts, 'book' | 'clock' | 'config' | 'policies'>): QuotaUsage[] => {
  const quotaOf = (user: string): string => {
    const groups = policies.groups?.(user) ?? []
    const group = groups.find((name) => config.groups.has(name)) ?? [...config.groups.keys()][0] ?? ''
    return policies.resolve({ user, group, groups }).values.quota
  }
  const now = clock.now()
  return book.list(now).map(({ user, period, start, bytes }) => {
    const written = quotaOf(user)
    const quota = parseQuota(written)
    const same = quota?.period === period
    return {
      user, period, quota: same ? written : null, usedBytes: bytes, percent: same ? Math.floor((bytes * 100) / quota.bytes) : null,
      since: new Date(start).toISOString(), until: new Date(periodEnd(period, now)).toISOString(),
    }
  })
}

/** For `postern user show`. */
export const quotaRecords = (parts: QuotaCommandParts): UserRecords => ({
  name: 'limits',
  describe(name) {
    const usage = usages(parts).find(({ user, quota }) => user === name.toLowerCase() && quota !== null)
    if (!usage) return undefined
    const { quota, usedBytes, percent, until } = usage
    return { data: { quota: { quota, usedBytes, percent, until } }, text: `quota: ${percent} % of ${quota} used, until ${until}` }
  },
  forget(user) {
    parts.table.forget(user)
    parts.forget(user)
  },
})

export function quotaCommands(parts: QuotaCommandParts): Readonly<Record<string, CommandHandler>> {
  const { audit, book, clock, forget, table } = parts
  return {
    'quota list': () => ({ data: usages(parts) }),
    'quota reset': ({ args, actor }) => {
      const user = args['name'] ?? ''
      const known = book.list(clock.now()).some((usage) => usage.user === user.toLowerCase())
      if (!known && table.forget(user) === 0) throw new GatewayError('USER_UNKNOWN', `nothing is counted for ${JSON.stringify(user.slice(0, 64))}`)
      table.forget(user)
      forget(user)
      audit.record({ action: 'quota.reset', actor, subject: user, ok: true })
      return { data: { user }, text: `${user} begins the period anew` }
    },
  }
}
