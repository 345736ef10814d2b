import { GatewayError, type Audit, type Clock, type CommandDefinition, type CommandHandler, type GatewayConfig, type Policies } from '../../core/api.ts'
import { parseQuota, periodEnd } from './quota.ts'
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

export function quotaCommands({ audit, book, clock, config, forget, policies, table }: QuotaCommandParts): Readonly<Record<string, CommandHandler>> {
  const quotaOf = (user: string): string => {
    const groups = policies.groups?.(user) ?? []
    const group = groups.find((name) => config.groups.has(name)) ?? [...config.groups.keys()][0] ?? ''
    return policies.resolve({ user, group, groups }).values.quota
  }
  return {
    'quota list': () => {
      const now = clock.now()
      return {
        data: book.list(now).map(({ user, period, start, bytes }) => {
          const written = quotaOf(user)
          const quota = parseQuota(written)
          const same = quota?.period === period
          return {
            user, period, quota: same ? written : null, usedBytes: bytes, percent: same ? Math.floor((bytes * 100) / quota.bytes) : null,
            since: new Date(start).toISOString(), until: new Date(periodEnd(period, now)).toISOString(),
          }
        }),
      }
    },
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
