import { CLOCK, CONFIG, HEALTH, GatewayError, SESSIONS, type CheckFinding, type Clock, type GatewayConfig, type Health, type Plugin, type Sessions } from '../../core/api.ts'
import { FirewallConfig } from './config.ts'
import { checkPools, Firewall, prefixes, removeStale } from './firewall.ts'
import { findNft, Nft } from './nft.ts'
import { Roster } from './roster.ts'
import { SessionRules } from './session-rules.ts'
import { Table } from './table.ts'

const MISSING = "nft is not installed: the gateway's own filter judges what clients send"
const missing = ({ masquerade }: FirewallConfig): { readonly severity: 'warning'; readonly text: string } | undefined =>
  (masquerade === false ? undefined : { severity: 'warning', text: `${MISSING}, and nothing is masqueraded; install nftables` })

export default {
  name: 'firewall',
  summary: 'Who may reach what, masquerading, forwarding check',
  config: FirewallConfig,
  requires: [CLOCK, CONFIG, HEALTH, SESSIONS],
  async start(context) {
    const { container, log, slots } = context
    const [clock, config, health, sessions] = [container.resolve<Clock>(CLOCK), container.resolve<GatewayConfig>(CONFIG), container.resolve<Health>(HEALTH), container.resolve<Sessions>(SESSIONS)]
    let settings = context.config
    checkPools(settings, config)
    const roster = new Roster()
    const rules = new SessionRules(config, sessions, roster)
    const program = findNft()
    let table: Table | undefined
    if (program === undefined) {
      const { severity, text } = missing(settings) ?? { severity: 'info' as const, text: MISSING }
      health.raise('firewall-nft', severity, text)
      log.info(MISSING)
    } else {
      const nft = new Nft(program)
      table = new Table({
        nft, roster, health, clock, log,
        ruleset: (device) => ({ device, ...prefixes(config, settings.masquerade) }),
        standing: () => rules.standing(),
        taken: () => rules.taken(),
        lost: () => rules.lost(),
      })
      rules.table = table
      await removeStale(nft, log)
    }
    rules.enrollAll()
    const firewall = new Firewall(table, config, health, clock)
    context.onStop(() => firewall.stop())
    context.onConfig(async (next) => {
      checkPools(next, config)
      const before = settings
      settings = next
      if ((await table?.settle()) !== false) return
      settings = before
      await table?.settle()
      throw new GatewayError('REFUSED', 'nft refuses the firewall table of that configuration')
    })
    context.add(slots.device, firewall)
    context.add(slots.negotiator, rules)
    context.add(slots.sessionEvents, rules)
  },
  check(config): readonly CheckFinding[] {
    const finding = findNft() === undefined ? missing(config) : undefined
    return finding ? [finding] : []
  },
} satisfies Plugin<FirewallConfig>
