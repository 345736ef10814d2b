import { CLOCK, CONFIG, HEALTH, type Clock, type GatewayConfig, type Health, type Plugin } from '../../core/api.ts'
import { Clients } from './clients.ts'
import { DNS_COMMANDS, dnsFlush, dnsStatus } from './commands.ts'
import { SplitDnsConfig } from './config.ts'
import { Counters } from './counters.ts'
import { Exchanges } from './exchanges.ts'
import { Forwarder } from './forwarder.ts'
import { Listeners } from './listeners.ts'
import { DnsNegotiator } from './negotiator.ts'
import { Resolver } from './resolver.ts'
import { sectionProblems } from './section-check.ts'

/** What `negotiator.ts` tells of it. */
const toldOf = ({ zone, upstream }: SplitDnsConfig): string => JSON.stringify([zone.map(({ names, groups }) => [names, groups]), upstream.length > 0])

export default {
  name: 'split-dns',
  summary: 'A resolver for tunnel clients: internal names to internal servers, others upstream',
  config: SplitDnsConfig,
  runsByDefault: false,
  requires: [CLOCK, CONFIG, HEALTH],
  commands: DNS_COMMANDS,
  crossCheck: sectionProblems,
  toldAtConnect: (now, next) => (toldOf(now) === toldOf(next) ? undefined : 'names of its zones'),
  start(context) {
    const { container, slots, log } = context
    const clock = container.resolve<Clock>(CLOCK)
    const config = container.resolve<GatewayConfig>(CONFIG)
    const health = container.resolve<Health>(HEALTH)
    const counters = new Counters()
    const clients = new Clients(clock)
    const exchanges = new Exchanges(clock, counters)
    const forwarder = new Forwarder({ clock, exchanges, health, log })
    context.onStop(() => {
      forwarder.close()
      exchanges.close()
    })
    const resolver = new Resolver(context.config, { clients, clock, counters, forwarder, log })
    const listeners = new Listeners({ clients, clock, config, counters, health, log, resolver })
    const parts = { clients, config, counters, forwarder, listeners, resolver }
    context.onConfig((next) => resolver.configure(next))
    context.add(slots.sessionEvents, clients)
    context.add(slots.sessionEvents, { tunnelUp: () => listeners.notice() })
    context.add(slots.negotiator, new DnsNegotiator(config, resolver))
    context.add(slots.device, listeners)
    context.add(slots.metric, counters)
    context.command('dns status', () => dnsStatus(parts))
    context.command('dns flush', () => dnsFlush(parts))
  },
} satisfies Plugin<SplitDnsConfig>
