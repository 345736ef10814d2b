import { AUDIT, CLOCK, CONFIG, HEALTH, RefusalPace, type Audit, type Clock, type GatewayConfig, type Health, type Plugin } from '../../core/api.ts'
import { AuthLdapConfig, mapProblems } from './config.ts'
import { ldapFindings } from './findings.ts'
import { LdapBackend } from './ldap-backend.ts'
import { Places } from './places.ts'
import { ServerList } from './server-list.ts'

/** Logins that the directory is asked about at once, and those that wait for it. */
const AT_ONCE = 32
const WAITING = 256
/** How long a refusal takes before the directory has refused anybody. */
const FIRST_REFUSAL_MS = 150

export default {
  name: 'auth-ldap',
  summary: 'Logins against a directory: Active Directory, OpenLDAP, FreeIPA',
  config: AuthLdapConfig,
  runsByDefault: false,
  requires: [AUDIT, CLOCK, CONFIG, HEALTH],
  start(context) {
    const { container, log, slots } = context
    const clock = container.resolve<Clock>(CLOCK)
    const gateway = container.resolve<GatewayConfig>(CONFIG)
    const parts = { clock, health: container.resolve<Health>(HEALTH), log }
    let { config } = context
    let servers = new ServerList(config, parts)
    context.onStop(() => servers.close())
    context.onConfig((next) => {
      servers.close()
      config = next
      servers = new ServerList(next, parts)
    })
    context.add(slots.authBackend, new LdapBackend({ section: () => config, servers: () => servers, gateway, audit: container.resolve<Audit>(AUDIT), clock, pace: new RefusalPace(FIRST_REFUSAL_MS), places: new Places(AT_ONCE, WAITING) }))
  },
  crossCheck: mapProblems,
  check: ldapFindings,
} satisfies Plugin<AuthLdapConfig>
