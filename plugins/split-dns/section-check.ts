import { nearest, type GatewayConfig, type CrossProblem } from '../../core/api.ts'
import { DNS_PORT, serverText, type SplitDnsConfig } from './config.ts'
import { gatewayAddresses } from './gateway-addresses.ts'

/** What the section alone cannot show: groups that are not there, and servers that are this resolver itself. */
export function sectionProblems(section: SplitDnsConfig, config: Pick<GatewayConfig, 'groups' | 'pools'>): readonly CrossProblem[] {
  const own = gatewayAddresses(config)
  const loops = (servers: SplitDnsConfig['upstream'], path: CrossProblem['path']): readonly CrossProblem[] =>
    servers.flatMap((server, at) => (server.port === DNS_PORT && own.includes(server.address) ? [{ path: [...path, at], message: `${serverText(server)} is the gateway's own address in a pool, where this resolver answers` }] : []))
  return [
    ...loops(section.upstream, ['upstream']),
    ...section.zone.flatMap(({ servers, groups }, zone) => [
      ...loops(servers, ['zone', zone, 'servers']),
      ...groups.flatMap((group, at) => (config.groups.has(group) ? [] : [{ path: ['zone', zone, 'groups', at], message: unknownGroup(group, config.groups) }])),
    ]),
  ]
}

function unknownGroup(group: string, groups: GatewayConfig['groups']): string {
  const guess = nearest(group, groups.keys())
  return `there is no group ${JSON.stringify(group.slice(0, 64))}${guess === undefined ? '' : `; did you mean "${guess}"?`}`
}
