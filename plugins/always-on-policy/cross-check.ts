import { nearest, type CrossProblem, type GatewayConfig } from '../../core/api.ts'
import type { AlwaysOnConfig } from './config.ts'

/** Groups that profiles name and the gateway does not have. What another gateway's groups are, nobody knows here. */
export function crossCheck({ profile, file }: AlwaysOnConfig, core: GatewayConfig): readonly CrossProblem[] {
  const known = [...core.groups.keys()]
  const missing = (group: string, path: CrossProblem['path']): readonly CrossProblem[] => {
    if (core.groups.has(group)) return []
    const guess = nearest(group, known)
    return [{ path, message: `there is no group ${JSON.stringify(group)}${guess === undefined ? '' : `; did you mean "${guess}"?`}` }]
  }
  const tables: Readonly<Record<string, Readonly<Record<string, { readonly groups: readonly string[] }>>>> = { profile, file }
  const owned = Object.entries(tables).flatMap(([table, entries]) =>
    Object.entries(entries).flatMap(([name, { groups }]) => groups.flatMap((group, index) => missing(group, [table, name, 'groups', index]))))
  const servers = Object.entries(profile).flatMap(([name, config]) =>
    config.servers.flatMap(({ address, group }, index) => (group !== undefined && address.host === core.gateway.name ? missing(group, ['profile', name, 'servers', index, 'group']) : [])))
  return [...owned, ...servers]
}
