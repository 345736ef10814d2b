import {
  AUDIT, CLOCK, CONFIG, DATA_PLANE, SESSIONS, TLS_FACTS,
  type Audit, type Clock, type DataPlane, type GatewayConfig, type Plugin, type Sessions, type TlsFacts,
} from '../../core/api.ts'
import { AggregateAuth } from './aggregate-auth.ts'
import { AnyConnectConfig } from './config.ts'
import { Counters } from './counters.ts'
import { Dialogues } from './dialogues.ts'
import { PortRoutes } from './port-routes.ts'
import { TunnelGate } from './tunnel-gate.ts'
import { VirtualHosts } from './virtual-hosts.ts'
import { VpnPort } from './vpn-port.ts'

export default {
  name: 'anyconnect',
  summary: 'Login and tunnel set-up for AnyConnect and OpenConnect clients',
  config: AnyConnectConfig,
  requires: [AUDIT, CLOCK, CONFIG, DATA_PLANE, SESSIONS],
  start(context) {
    const { container, slots, log } = context
    const clock = container.resolve<Clock>(CLOCK)
    const config = container.resolve<GatewayConfig>(CONFIG)
    const audit = container.resolve<Audit>(AUDIT)
    const sessions = container.resolve<Sessions>(SESSIONS)
    const tls = container.isRegistered(TLS_FACTS, true) ? container.resolve<TlsFacts>(TLS_FACTS) : undefined

    let own = context.config
    context.onConfig((config) => void (own = config))
    const dialogues = new Dialogues(clock, () => own['max-login-time'] * 1000)
    const counters = new Counters(dialogues)
    const hosts = new VirtualHosts(config)
    const auth = new AggregateAuth({
      sessions, clock, log, dialogues, hosts, counters,
      get maxSessions() {
        return config.gateway.maxSessions
      },
      audit,
      backends: () => slots.authBackend.list(),
      guards: () => slots.loginGuard.list(),
      friendly: () => own['friendly-login-texts'],
      admissions: () => slots.admission.list(),
      profile: (session) => slots.clientProfile.get()?.profile(session),
      certificateSha1: (serverName) => tls?.leafSha1(serverName),
    })
    const gate = new TunnelGate({ sessions, audit, clock, log, strap: () => own.strap, counters, hosts, random: Math.random, negotiators: () => slots.negotiator.list() })
    const routes = new PortRoutes({ auth, gate, log, counters, hosts, routes: () => slots.httpRoute.list() })
    const port = new VpnPort(container.resolve<DataPlane>(DATA_PLANE), routes, counters)
    context.set(slots.connections, port)
    context.add(slots.metric, counters)
    context.onStop(() => port.close())
  },
} satisfies Plugin<AnyConnectConfig>
