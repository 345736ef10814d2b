import { CONFIG, GatewayError, skip, type GatewayConfig, type Plugin } from '../../core/api.ts'
import { ChannelIds } from './channel-ids.ts'
import { DtlsConfig } from './config.ts'
import { DtlsNegotiator } from './negotiator.ts'
import { isApproved, suiteOrder, type Suite } from './suite.ts'

export default {
  name: 'dtls',
  summary: 'The UDP channel: DTLS 1.2 beside the TLS channel of a tunnel',
  config: DtlsConfig,
  requires: [CONFIG],
  start(context) {
    const { container, slots, log } = context
    const { fips } = container.resolve<GatewayConfig>(CONFIG).gateway
    const orderOf = ({ ciphers, psk, legacy }: DtlsConfig) => (aesIsFast: boolean): readonly Suite[] =>
      suiteOrder(ciphers, fips || aesIsFast).filter((suite) => (suite.header === 'psk' ? psk : legacy) && (!fips || isApproved(suite)))
    const none = `the configuration leaves no ${fips ? 'approved ' : ''}cipher suite`
    const order = orderOf(context.config)
    if (order(true).length === 0) return skip(none)
    const negotiator = new DtlsNegotiator(order, new ChannelIds(context.dataDirectory(), log), log)
    context.onConfig((next) => {
      if (orderOf(next)(true).length === 0) throw new GatewayError('REFUSED', `[dtls]: ${none}; with enabled = false and a restart there is no DTLS`)
      negotiator.configure(orderOf(next))
    })
    context.add(slots.datagrams, 'dtls')
    context.add(slots.negotiator, negotiator)
    context.add(slots.device, negotiator)
    return undefined
  },
  toldAtConnect: () => 'cipher suites and modes',
} satisfies Plugin<DtlsConfig>
