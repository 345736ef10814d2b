import { AUDIT, CLOCK, CONFIG, POLICIES, SESSIONS, STORE, type Audit, type Clock, type GatewayConfig, type Plugin, type Policies, type Sessions, type Store } from '../../core/api.ts'
import { LimitsConfig } from './config.ts'
import { LoginRule } from './login-rule.ts'
import { QUOTA_COMMANDS, quotaCommands, quotaRecords } from './quota-commands.ts'
import { QuotaWatch } from './quota-watch.ts'
import { UsageBook } from './usage-book.ts'
import { UsageTable } from './usage-table.ts'

export default {
  name: 'limits',
  summary: 'Hours of logins and quotas of users',
  config: LimitsConfig,
  runs: 'always',
  requires: [AUDIT, CLOCK, CONFIG, POLICIES, STORE],
  commands: QUOTA_COMMANDS,
  start(context) {
    const { container, log, mode, slots } = context
    const [audit, clock, policies] = [container.resolve<Audit>(AUDIT), container.resolve<Clock>(CLOCK), container.resolve<Policies>(POLICIES)]
    const table = new UsageTable(container.resolve<Store>(STORE))
    const book = new UsageBook(table.all())
    const watch = mode === 'serve' ? new QuotaWatch({ audit, book, clock, log, sessions: container.resolve<Sessions>(SESSIONS), table }) : undefined
    const parts = { audit, book, clock, config: container.resolve<GatewayConfig>(CONFIG), forget: (user: string) => void (watch ? watch.reset(user) : book.forget(user)), policies, table }
    context.add(slots.userRecords, quotaRecords(parts))
    for (const [path, handler] of Object.entries(quotaCommands(parts))) context.command(path, handler)
    if (!watch) return
    context.add(slots.admission, new LoginRule(policies, book, clock))
    context.add(slots.policySource, watch)
    context.add(slots.sessionEvents, watch)
    watch.start()
    context.onStop(() => watch.stop())
  },
} satisfies Plugin<LimitsConfig>
