import { CLOCK, CONFIG, HEALTH, skip, type CheckFinding, type Clock, type GatewayConfig, type Health, type Plugin } from '../../core/api.ts'
import { FirewallConfig } from './config.ts'
import { Firewall } from './firewall.ts'
import { findNft, Nft } from './nft.ts'

const MISSING = 'nft is not installed: no masquerading'

export default {
  name: 'firewall',
  summary: 'Masquerading and MSS clamp in a table of its own, forwarding check',
  config: FirewallConfig,
  requires: [CLOCK, CONFIG, HEALTH],
  async start(context) {
    const health = context.container.resolve<Health>(HEALTH)
    const program = findNft()
    if (program === undefined) {
      if (context.config.masquerade) health.raise('firewall-nft', 'warning', `${MISSING}; install nftables`)
      return skip(MISSING)
    }
    const firewall = new Firewall(new Nft(program), context.config, context.container.resolve<GatewayConfig>(CONFIG), health, context.container.resolve<Clock>(CLOCK), context.log)
    context.onStop(() => firewall.stop())
    await firewall.removeStale()
    context.add(context.slots.device, firewall)
    return undefined
  },
  check(config): readonly CheckFinding[] {
    return config.masquerade && findNft() === undefined ? [{ severity: 'warning', text: `${MISSING}; install nftables` }] : []
  },
} satisfies Plugin<FirewallConfig>
