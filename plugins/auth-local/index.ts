import { AUDIT, CLOCK, CONFIG, CRYPT, POLICIES, SESSIONS, STORE, USER_IMPORT, type Audit, type Clock, type Crypt, type GatewayConfig, type Plugin, type Policies, type Sessions, type Store } from '../../core/api.ts'
import { AccountRule } from './account-rule.ts'
import { AuthLocalConfig } from './config.ts'
import { ExpiryWatch } from './expiry-watch.ts'
import { LocalBackend } from './local-backend.ts'
import { MIGRATIONS } from './migrations.ts'
import { LocalUserImport } from './local-user-import.ts'
import { LocalPolicySource } from './local-policy-source.ts'
import { PasswordHasher } from './password-hasher.ts'
import { PasswordRules } from './password-rules.ts'
import { breachedFindings } from './findings.ts'
import { UserCommands } from './user-commands.ts'
import { USER_COMMANDS } from './user-definitions.ts'
import { UserPolicy } from './user-policy.ts'
import { UserSessions } from './user-sessions.ts'
import { UserTable } from './user-table.ts'

export default {
  name: 'auth-local',
  summary: 'Users with passwords, kept in the gateway itself',
  config: AuthLocalConfig,
  runs: 'always',
  requires: [AUDIT, CLOCK, CONFIG, POLICIES, STORE],
  provides: [USER_IMPORT],
  commands: USER_COMMANDS,
  check: breachedFindings,
  async start(context) {
    const store = context.container.resolve<Store>(STORE)
    store.migrate('auth-local', MIGRATIONS)
    const users = new UserTable(store)
    const live = context.container.isRegistered(SESSIONS, true) ? context.container.resolve<Sessions>(SESSIONS) : undefined
    const sessions = new UserSessions(store, live)
    const clock = context.container.resolve<Clock>(CLOCK)
    const hasher = new PasswordHasher(context.container.isRegistered(CRYPT, true) ? context.container.resolve<Crypt>(CRYPT) : undefined)
    const config = context.container.resolve<GatewayConfig>(CONFIG)
    const source = new LocalPolicySource(users, context.log)
    const policy = new UserPolicy(users, config, context.container.resolve<Policies>(POLICIES), source)
    let settings = context.config
    context.onConfig((next) => void (settings = next))
    const rules = new PasswordRules(() => settings, context.log)
    const commands = new UserCommands(users, hasher, sessions, context.container.resolve<Audit>(AUDIT), clock, config, policy, rules, () => context.slots.userRecords.list())
    for (const [path, handler] of Object.entries(commands.handlers)) context.command(path, handler)
    context.provide(USER_IMPORT, new LocalUserImport(store, users, policy, context.container.resolve<Audit>(AUDIT), clock))
    context.add(context.slots.policySource, source)
    if (context.mode === 'command') return
    sessions.settle()
    await hasher.prepare()
    context.add(context.slots.authBackend, new LocalBackend(users, hasher, clock, context.log, { audit: context.container.resolve<Audit>(AUDIT), rules }))
    context.add(context.slots.admission, new AccountRule(users, clock))
    const watch = new ExpiryWatch(users, sessions, clock, context.log)
    watch.start()
    context.onStop(() => watch.stop())
  },
} satisfies Plugin<AuthLocalConfig>
