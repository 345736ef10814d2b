import type { GatewayConfig, GroupConfig, HostConfig } from './gateway-config.ts'

/**
 * Of several entries with names the one that answers to `serverName`: an exact name goes before `*.` and one label less.
 * So does the data plane with TLS contexts.
 */
export function answeringTo<T>(entries: Iterable<T>, names: (entry: T) => readonly string[], serverName: string): T | undefined {
  const name = serverName.toLowerCase()
  const dot = name.indexOf('.')
  const wild = dot > 0 ? `*${name.slice(dot)}` : undefined
  let widest: T | undefined
  for (const entry of entries) {
    if (names(entry).includes(name)) return entry
    if (wild !== undefined && names(entry).includes(wild)) widest ??= entry
  }
  return widest
}

/** The host that a client means by the server name of its TLS handshake; undefined: the gateway itself. */
export function hostFor({ gateway, hosts }: Pick<GatewayConfig, 'gateway' | 'hosts'>, serverName: string | undefined): HostConfig | undefined {
  if (serverName === undefined || hosts.size === 0 || serverName.toLowerCase() === gateway.name) return undefined
  return answeringTo(hosts.values(), ({ names }) => names, serverName)
}

/** Groups that are offered at a host, or with `undefined` by the gateway itself, in their order. A host that is gone offers none. */
export function groupsAt({ gateway, groups, hosts }: Pick<GatewayConfig, 'gateway' | 'groups' | 'hosts'>, host: string | undefined): readonly GroupConfig[] {
  const names = host === undefined ? gateway.groups : (hosts.get(host)?.groups ?? [])
  return names.flatMap((name) => groups.get(name) ?? [])
}

/** What clients of a host are told that the gateway is called. */
export const publicNameOf = ({ gateway, hosts }: Pick<GatewayConfig, 'gateway' | 'hosts'>, host: string | undefined): string =>
  (host === undefined ? undefined : hosts.get(host)?.names.find((name) => !name.startsWith('*.'))) ?? gateway.name

/** The group of who has none. */
export const defaultGroup = ({ gateway, groups }: Pick<GatewayConfig, 'gateway' | 'groups'>): string =>
  gateway.groups[0] ?? groups.keys().next().value ?? 'default'
