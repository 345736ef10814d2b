import { VERSION } from '../version.ts'
import type { CommandResult } from '../commands.ts'
import type { ListenAddress } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import { formatEndpoint } from '../net/address.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'

/** `status --json`: documented, stable (reference configuration, section 2); `throughput`, `counters` and `metrics` go beyond it. */
function status({ clock, config, health, plugins, serving }: CoreServices): CommandResult {
  if (!serving) throw new GatewayError('NOT_RUNNING', 'the gateway does not run')
  const { sessions, dataPlane, startedAt, openInfo, status: added, metrics } = serving
  const list = sessions.list()
  const parts = added().map((source) => ({ name: source.name, ...source.status() }))
  const count = (state: string): number => list.filter((session) => session.state === state).length
  const stats = dataPlane.stats()
  const info = openInfo()
  const data = {
    version: VERSION,
    uptimeSec: Math.floor((clock.monotonic() - startedAt) / 1000),
    sessions: { total: list.length, dtls: count('dtls'), tls: count('tls'), waiting: count('waiting') },
    plugins: plugins().map(({ name, state, reason }) => ({ name, state, reason: reason ?? null })),
    health: health.list(),
    device: info?.device ?? null,
    listeners: info?.listeners ?? [],
    // Empty: every session has TLS alone.
    udp: info?.udp ?? [],
    // Under which names it is something else, and for whom.
    hosts: [...config.hosts.values()].map(({ name, names, groups }) => ({ name, names, groups, sessions: list.filter(({ host }) => host === name).length })),
    // As the clients see it: received from them, sent to them.
    throughput: { rxBytes: Number(stats.tunTxBytes), txBytes: Number(stats.tunRxBytes), rxPackets: Number(stats.tunTxPackets), txPackets: Number(stats.tunRxPackets) },
    counters: Object.fromEntries(Object.entries(stats).map(([name, value]) => [name, Number(value)])),
    // Of plugins; each README has their names.
    metrics: metrics().flatMap((source) => source.collect().map(({ name, type, value, labels = {} }) => ({ name, type, labels, value: Number(value) }))),
    ...Object.fromEntries(parts.map(({ name, data }) => [name, data])),
  }
  return { data, text: text(data, parts.flatMap(({ text }) => text ?? [])) }
}

function text(data: { version: string; uptimeSec: number; sessions: { total: number; tls: number; dtls: number; waiting: number }; plugins: readonly { name: string; state: string; reason: string | null }[]; health: readonly { severity: string; text: string; since: string }[]; listeners: readonly ListenAddress[]; udp: readonly ListenAddress[]; hosts: readonly { name: string; groups: readonly string[]; sessions: number }[] }, parts: readonly string[]): string {
  const { sessions } = data
  return [
    `postern ${data.version}, up ${data.uptimeSec} s`,
    `listening on ${data.listeners.map(({ address, port }) => formatEndpoint(address, port)).join(', ') || 'nothing'}${data.udp.length === 0 ? ', TLS only' : ', TLS and DTLS'}`,
    `sessions: ${sessions.total} (${sessions.dtls} dtls, ${sessions.tls} tls, ${sessions.waiting} waiting)`,
    ...data.hosts.map(({ name, groups, sessions }) => `host ${name}: ${sessions} sessions, groups ${groups.join(', ')}`),
    ...parts,
    ...data.plugins.map(({ name, state, reason }) => `plugin ${name}: ${state}${reason === null ? '' : ` (${reason})`}`),
    ...(data.health.length === 0 ? ['health: good'] : data.health.map((entry) => `${entry.severity} since ${entry.since}: ${entry.text}`)),
  ].join('\n')
}

export const statusCommands: readonly CoreCommand[] = [
  { definition: { path: 'status', summary: 'Show version, plugins, sessions, health and traffic', where: 'gateway' }, handler: (services) => () => status(services) },
]
