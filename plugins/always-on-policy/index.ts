import { CONFIG, SESSIONS, TLS_FACTS, type GatewayConfig, type Plugin, type Sessions, type TlsFacts } from '../../core/api.ts'
import { AlwaysOnRule } from './admission-rule.ts'
import { AlwaysOnConfig } from './config.ts'
import { crossCheck } from './cross-check.ts'
import { profileFindings } from './findings.ts'
import { makeProfiles } from './profile.ts'
import { ProfileBook } from './profile-book.ts'
import { profileRoutes } from './profile-route.ts'

export default {
  name: 'always-on-policy',
  summary: 'Profiles for Cisco\'s clients: server list, always-on, trusted networks; and their enforcement at login',
  config: AlwaysOnConfig,
  runsByDefault: false,
  requires: [CONFIG, SESSIONS, TLS_FACTS],
  start(context) {
    const { container, log, slots } = context
    const core = container.resolve<GatewayConfig>(CONFIG)
    const facts = container.resolve<TlsFacts>(TLS_FACTS)
    const book = new ProfileBook(context.config, core)
    const warn = (): void => profileFindings(book.list(), core, (serverName) => facts.chains(serverName)).forEach(({ text }) => log.warn(text))
    for (const route of profileRoutes(book, container.resolve<Sessions>(SESSIONS))) context.add(slots.httpRoute, route)
    context.set(slots.clientProfile, { profile: ({ group }) => book.byGroup(group) })
    context.add(slots.admission, new AlwaysOnRule(book, (serverName) => facts.chains(serverName)))
    context.onConfig((next) => {
      book.replace(next)
      warn()
    })
    warn()
  },
  crossCheck,
  check: (config, environment) => profileFindings(makeProfiles(config, environment.core), environment.core, (serverName) => environment.chains(serverName)),
} satisfies Plugin<AlwaysOnConfig>
