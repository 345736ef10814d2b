import type { CommandDefinition, CommandResult, GatewayConfig } from '../../core/api.ts'
import type { Clients } from './clients.ts'
import type { Counters } from './counters.ts'
import type { Forwarder } from './forwarder.ts'
import type { Listeners } from './listeners.ts'
import type { Resolver } from './resolver.ts'
import { serverText } from './config.ts'

export const DNS_COMMANDS: readonly CommandDefinition[] = [
  { path: 'dns status', summary: 'Show the resolver for tunnel clients: addresses, servers, cache, zones of each group', where: 'gateway' },
  { path: 'dns flush', summary: 'Forget every cached DNS answer', where: 'gateway' },
]

export interface DnsCommandsParts {
  readonly clients: Clients
  readonly config: Pick<GatewayConfig, 'groups'>
  readonly counters: Counters
  readonly forwarder: Forwarder
  readonly listeners: Listeners
  readonly resolver: Resolver
}

export function dnsStatus({ config, counters, forwarder, listeners, resolver }: DnsCommandsParts): CommandResult {
  const servers = forwarder.list().map(({ text, dead, deadSince, answers, failures }) => ({ server: text, state: dead ? 'dead' : 'ok', since: deadSince === undefined ? null : new Date(deadSince).toISOString(), answers, failures }))
  const groups = [...config.groups.keys()].map((group) => {
    const { routes, upstream } = resolver.zones.of(group)
    return { group, zones: routes.map(({ zone, servers: of }) => ({ name: zone, servers: of.map(serverText) })), upstream }
  })
  const data = { listeners: listeners.addresses, servers, cache: { entries: resolver.cache.length, bytes: resolver.cache.bytes }, counters: counters.values, groups }
  const { queries, cached, failed, refused, limited } = counters.values
  const text = [
    `listens on: ${data.listeners.join(', ') || 'nothing'}`,
    `queries: ${queries}, from the cache ${cached}, refused ${refused}, beyond the rate ${limited}, unanswered ${failed}`,
    `cache: ${data.cache.entries} answers, ${data.cache.bytes} B`,
    ...servers.map(({ server, state, since, answers, failures }) => `server ${server}: ${state}${since === null ? '' : ` since ${since}`}, ${answers} answers, ${failures} failures`),
    ...groups.flatMap(({ group, zones, upstream }) => [
      `group ${group}: ${zones.length} ${zones.length === 1 ? 'zone' : 'zones'}, other names ${upstream ? 'to the upstream' : 'refused'}`,
      ...zones.map(({ name, servers: of }) => `  ${name}: ${of.join(', ')}`),
    ]),
  ]
  return { data, text: text.join('\n') }
}

export function dnsFlush({ resolver }: DnsCommandsParts): CommandResult {
  const entries = resolver.cache.flush()
  return { data: { entries }, text: `${entries} cached ${entries === 1 ? 'answer' : 'answers'} forgotten` }
}
