import { CLOCK, CONFIG, HEALTH, type Clock, type GatewayConfig, type Health, type Plugin } from '../../core/api.ts'
import { RadiusClient } from './client.ts'
import { AuthRadiusConfig } from './config.ts'
import { Counters } from './counters.ts'
import { radiusFindings } from './findings.ts'
import { RadiusBackend } from './radius-backend.ts'
import { serveSessions, SESSION_TOKENS } from './session-service.ts'

export default {
  name: 'auth-radius',
  summary: 'Logins against RADIUS servers, with the policy they hand over',
  config: AuthRadiusConfig,
  runsByDefault: false,
  requires: SESSION_TOKENS,
  async start(context) {
    const { container, log, slots } = context
    const clock = container.resolve<Clock>(CLOCK)
    const gateway = container.resolve<GatewayConfig>(CONFIG)
    const counters = new Counters()
    let { config } = context
    const client = new RadiusClient(config, { clock, counters, health: container.resolve<Health>(HEALTH), log })
    context.onStop(() => client.close())
    context.add(slots.authBackend, new RadiusBackend({ client, config: () => config, gateway, clock, log }))
    context.add(slots.metric, counters)
    const follow = await serveSessions(context, client, () => config)
    context.onConfig((next) => {
      config = next
      client.configure(next)
      return follow()
    })
  },
  check: radiusFindings,
} satisfies Plugin<AuthRadiusConfig>
