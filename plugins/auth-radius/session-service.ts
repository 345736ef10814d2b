import { networkInterfaces } from 'node:os'
import { lookup } from 'node:dns/promises'
import { AUDIT, CLOCK, CONFIG, HEALTH, SESSIONS, STORE, type Audit, type Clock, type GatewayConfig, type Health, type PluginContext, type Sessions, type Store } from '../../core/api.ts'
import { Accounting } from './accounting.ts'
import { AccountingSender } from './accounting-sender.ts'
import { AccountingSpool } from './accounting-spool.ts'
import { AccountingTable } from './accounting-table.ts'
import { flatten, valuesOf } from './attributes.ts'
import type { RadiusClient } from './client.ts'
import { COA_ATTRIBUTES, coaPolicy } from './coa-policy.ts'
import type { AuthRadiusConfig } from './config.ts'
import { DynamicAuthorization } from './dynamic-authorization.ts'
import { DynamicListener } from './dynamic-listener.ts'
import { DynamicSources } from './dynamic-sources.ts'
import { nasAttributes } from './nas-attributes.ts'
import { CODE } from './packet.ts'
import { ownTicket } from './own-ticket.ts'

/** Tokens that accounting and dynamic authorization need. */
export const SESSION_TOKENS = [AUDIT, CLOCK, CONFIG, HEALTH, SESSIONS, STORE]

/** Accounting of the sessions that RADIUS let in, and what its servers want of them since. Resolves with how to follow a reload. */
export async function serveSessions(context: PluginContext<AuthRadiusConfig>, client: RadiusClient, config: () => AuthRadiusConfig): Promise<() => Promise<void>> {
  const { container, log, slots } = context
  const [audit, clock, health] = [container.resolve<Audit>(AUDIT), container.resolve<Clock>(CLOCK), container.resolve<Health>(HEALTH)]
  const [gateway, sessions] = [container.resolve<GatewayConfig>(CONFIG), container.resolve<Sessions>(SESSIONS)]
  const nas = () => nasAttributes(gateway.gateway, config()['nas-identifier'])

  const spool = new AccountingSpool({ clock, log, table: new AccountingTable(container.resolve<Store>(STORE)) })
  const sender = new AccountingSender({
    clock, health, spool,
    deliver: async (attributes) => (await client.exchange({ purpose: 'accounting', code: CODE.accountingRequest, attributes: () => [...nas(), ...attributes()] })) !== undefined,
  })
  const accounting = new Accounting({
    clock, sender, sessions, spool,
    ticketOf: ({ ticket }) => ownTicket(ticket),
    intervalSec: () => (config().accounting ? config()['accounting-interval'] : undefined),
  })
  accounting.start()
  context.onStop(() => accounting.stop())
  context.add(slots.sessionEvents, accounting)
  context.add(slots.metric, accounting)

  const sources = new DynamicSources({ clock, servers: () => config().server, resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address) })
  const dynamic = new DynamicAuthorization({
    audit, clock, log, sessions,
    serversAt: (address) => sources.at(address),
    nas: () => {
      const found = flatten(nas())
      const own = [...valuesOf(found, 'NAS-IP-Address'), ...Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))]
      return { identifier: valuesOf(found, 'NAS-Identifier')[0] ?? '', isOwnAddress: (address) => own.includes(address) }
    },
    ticketOf: ({ ticket }) => ownTicket(ticket),
    policyOf: (found) => coaPolicy(found, { hasPool: (name) => gateway.pools.has(name) }),
    supported: (name) => COA_ATTRIBUTES.includes(name),
  })
  const listener = new DynamicListener({ clock, health, log, handle: (datagram, source) => dynamic.handle(datagram, source) })
  context.onStop(async () => {
    await listener.close()
    sources.stop()
  })
  context.add(slots.metric, dynamic)
  const follow = async (): Promise<void> => {
    sources.stop()
    void sources.start()
    await listener.listen(config()['disconnect-listen'])
  }
  await follow()
  return follow
}
