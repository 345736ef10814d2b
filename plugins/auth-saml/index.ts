import { AUDIT, CLOCK, CONFIG, HEALTH, hostFor, SESSIONS, STORE, type Audit, type Clock, type GatewayConfig, type Health, type Plugin, type Sessions, type Store } from '../../core/api.ts'
import { AuthSamlConfig } from './config.ts'
import { crossCheck, samlFindings } from './findings.ts'
import { IdentityProvider } from './identity-provider.ts'
import { LogoutRoute } from './logout-route.ts'
import { PendingLogins } from './pending-logins.ts'
import { MIGRATIONS, ReplayTable } from './replay-table.ts'
import { SamlBackend } from './saml-backend.ts'
import { SamlRoutes } from './saml-routes.ts'
import { ownSpKey, readSpKey, type SpKey } from './sp-key.ts'
import { spUrls } from './sp-urls.ts'

export default {
  name: 'auth-saml',
  loginStep: 'first',
  summary: 'Logins in a browser at a SAML 2.0 identity provider',
  config: AuthSamlConfig,
  runsByDefault: false,
  requires: [AUDIT, CLOCK, CONFIG, HEALTH, SESSIONS, STORE],
  async start(context) {
    const { container, log, slots } = context
    const clock = container.resolve<Clock>(CLOCK)
    const core = container.resolve<GatewayConfig>(CONFIG)
    const store = container.resolve<Store>(STORE)
    const health = container.resolve<Health>(HEALTH)
    store.migrate('auth-saml', MIGRATIONS)
    let { config } = context
    const keyOf = ({ certificate, key }: AuthSamlConfig): SpKey | Promise<SpKey> => (certificate !== undefined && key !== undefined ? readSpKey(certificate, key) : ownSpKey(context.dataDirectory(), core.gateway.name, clock.now()))
    let key = await keyOf(config)
    const idp = new IdentityProvider(config, { clock, health, log, directory: () => context.dataDirectory() })
    context.onStop(() => idp.stop())
    await idp.start()
    const logins = new PendingLogins(clock)
    const parts = {
      clock, log, audit: container.resolve<Audit>(AUDIT), replays: new ReplayTable(store),
      key: () => key,
      idp: () => idp.metadata,
      urls: (serverName: string | undefined) => spUrls(core, config, hostFor(core, serverName)?.name),
    }
    const routes = new SamlRoutes({ ...parts, logins, config: () => config, doubted: () => idp.doubt(), groups: () => core.groups })
    for (const route of [...routes.list, new LogoutRoute({ ...parts, sessions: container.resolve<Sessions>(SESSIONS) })]) context.add(slots.httpRoute, route)
    context.add(slots.authBackend, new SamlBackend({ clock, logins, config: () => config, urls: (host) => spUrls(core, config, host), ready: () => idp.metadata !== undefined }))
    context.onConfig(async (next) => {
      const nextKey = await keyOf(next)
      await idp.replace(next)
      key = nextKey
      config = next
    })
  },
  crossCheck,
  check: (config, environment) => samlFindings(config, environment.core),
} satisfies Plugin<AuthSamlConfig>
