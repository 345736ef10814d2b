import { CONFIG, skip, type GatewayConfig, type Plugin } from '../../core/api.ts'
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
    const { config: { ciphers, psk, legacy }, container, slots, log } = context
    const { fips } = container.resolve<GatewayConfig>(CONFIG).gateway
    const order = (aesIsFast: boolean): readonly Suite[] => suiteOrder(ciphers, fips || aesIsFast).filter((suite) => (suite.header === 'psk' ? psk : legacy) && (!fips || isApproved(suite)))
    if (order(true).length === 0) return skip(`the configuration leaves no ${fips ? 'approved ' : ''}cipher suite`)
    const negotiator = new DtlsNegotiator(order, new ChannelIds(context.dataDirectory(), log), log)
    context.add(slots.datagrams, 'dtls')
    context.add(slots.negotiator, negotiator)
    context.add(slots.device, negotiator)
    return undefined
  },
} satisfies Plugin<DtlsConfig>
