import { CONFIG, nearest, SESSIONS, TLS_FACTS, type CrossProblem, type GatewayConfig, type Plugin, type Sessions, type TlsFacts } from '../../core/api.ts'
import { AlwaysOnRule } from './admission-rule.ts'
import { AlwaysOnConfig } from './config.ts'
import { profileFindings } from './findings.ts'
import { makeProfile } from './profile.ts'
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
  crossCheck({ profile }, core): readonly CrossProblem[] {
    const known = [...core.groups.keys()]
    const missing = (group: string, path: CrossProblem['path']): readonly CrossProblem[] => {
      if (core.groups.has(group)) return []
      const guess = nearest(group, known)
      return [{ path, message: `there is no group ${JSON.stringify(group)}${guess === undefined ? '' : `; did you mean "${guess}"?`}` }]
    }
    return Object.entries(profile).flatMap(([name, { groups, servers }]) => [
      ...groups.flatMap((group, index) => missing(group, ['profile', name, 'groups', index])),
      ...servers.flatMap(({ address, group }, index) => (group !== undefined && address.host === core.gateway.name ? missing(group, ['profile', name, 'servers', index, 'group']) : [])),
    ])
  },
  check: ({ profile }, environment) => profileFindings(Object.entries(profile).map(([name, config]) => makeProfile(name, config, environment.core)), environment.core, (serverName) => environment.chains(serverName)),
} satisfies Plugin<AlwaysOnConfig>
