import { join } from 'node:path'
import { AUDIT, CLOCK, CONFIG, HEALTH, STORE, type Audit, type Clock, type GatewayConfig, type Health, type Plugin, type Store } from '../../core/api.ts'
import { Allowance } from './allowance.ts'
import { AuthTotpConfig } from './config.ts'
import { PAGE_PATH } from './enrolment-page.ts'
import { keyFrom } from './key-file.ts'
import { MIGRATIONS } from './migrations.ts'
import { PendingEnrolments } from './pending-enrolments.ts'
import { Seal } from './seal.ts'
import { SecondFactor } from './second-factor.ts'
import { SelfService } from './self-service.ts'
import { TotpBackend } from './totp-backend.ts'
import { TOTP_COMMANDS, totpCommand, totpRecords } from './totp-command.ts'
import { TotpTable } from './totp-table.ts'

/** Wrong passwords on the page from one network in a row, and the time after which one more is judged. */
const PAGE_TRIES = 20
const PAGE_REFILL_MS = 60_000

export default {
  name: 'auth-totp',
  loginStep: 'later',
  summary: 'Codes of authenticator apps as a second factor behind any other login step',
  config: AuthTotpConfig,
  runs: 'always',
  requires: [AUDIT, CLOCK, CONFIG, HEALTH, STORE],
  commands: TOTP_COMMANDS,
  start(context) {
    const { container, log, mode, slots } = context
    const [audit, clock, core] = [container.resolve<Audit>(AUDIT), container.resolve<Clock>(CLOCK), container.resolve<GatewayConfig>(CONFIG)]
    const store = container.resolve<Store>(STORE)
    store.migrate('auth-totp', MIGRATIONS)
    let { config } = context
    context.onConfig((next) => void (config = next))
    const table = new TotpTable(store, new Seal(keyFrom(join(context.dataDirectory(), 'key'), container.resolve<Health>(HEALTH))))
    const parts = { audit, clock, log, table, config: () => config, issuer: () => config.issuer ?? core.gateway.name }
    const knows = (user: string): boolean => slots.policySource.list().some((source) => source.groups?.(user) !== undefined)
    context.command('user totp', totpCommand({ ...parts, knows }))
    context.add(slots.userRecords, totpRecords(table))
    if (mode === 'command') return
    context.add(slots.authBackend, new TotpBackend({ ...parts, factor: new SecondFactor(table, clock, log) }))
    if (core.groups.has(PAGE_PATH.slice(1))) {
      log.warn(`the group "${PAGE_PATH.slice(1)}" has the path of the page where users set up their second factor: there is none`)
      return
    }
    const page = { ...parts, core, backends: () => slots.authBackend.list(), guards: () => slots.loginGuard.list(), pending: new PendingEnrolments(clock), allowance: new Allowance(clock, PAGE_TRIES, PAGE_REFILL_MS) }
    context.add(slots.httpRoute, new SelfService(page))
  },
} satisfies Plugin<AuthTotpConfig>
