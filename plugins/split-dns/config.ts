import { z } from 'zod'
import { domainName, formatAddress, formatEndpoint, parseAddress, parseEndpoint } from '../../core/api.ts'

export const DNS_PORT = 53
/** Bounds of the section. */
const MAX_SERVERS = 8
const MAX_NAMES = 1000
const MAX_ZONES = 500

export interface ServerAddress {
  readonly address: string
  readonly port: number
}
/** `10.1.0.53`, with another port than 53 `10.1.0.53:5353`. */
export const serverText = ({ address, port }: ServerAddress): string => (port === DNS_PORT ? address : formatEndpoint(address, port))

const server = () =>
  z.string('must be a DNS server such as "10.1.0.53"').transform((text, context): ServerAddress => {
    const alone = parseAddress(text)
    const endpoint = alone ? { address: formatAddress(alone), port: DNS_PORT } : parseEndpoint(text)
    if (endpoint && endpoint.port > 0) return endpoint
    context.issues.push({ code: 'custom', input: text, message: `${JSON.stringify(text.slice(0, 80))} is not a DNS server such as "10.1.0.53", "10.1.0.53:5353" or "[fd00::53]:53"` })
    return z.NEVER
  })
const servers = () => z.array(server()).max(MAX_SERVERS).superRefine((list, context) => {
  list.forEach((one, at) => {
    if (list.findIndex((other) => serverText(other) === serverText(one)) < at) context.addIssue({ code: 'custom', path: [at], message: `${serverText(one)} is listed twice` })
  })
})

const ZoneConfig = z.strictObject({
  names: z.array(domainName({ wildcard: true })).min(1).max(MAX_NAMES).meta({ title: 'Names', description: '"corp.example" and all below it; "*.lab.example": all below it alone' }),
  servers: servers().min(1).meta({ title: 'Servers', description: 'Internal DNS servers, tried in this order' }),
  groups: z.array(z.string()).max(MAX_NAMES).default([]).meta({ title: 'Groups', description: 'Whose sessions it is for; empty: every group' }),
})
export type ZoneConfig = z.infer<typeof ZoneConfig>

/** Section `[split-dns]`. */
export const SplitDnsConfig = z.strictObject({
  upstream: servers().default([]).meta({ title: 'Upstream', description: 'DNS servers for every other name; empty: such names are refused' }),
  zone: z.array(ZoneConfig).max(MAX_ZONES).default([]).superRefine(refuseTwice).meta({ title: 'Zones', description: 'Names that internal servers answer' }),
  'query-log': z.boolean().default(false).meta({ title: 'Query log', description: 'A log line for each query, with user and name' }),
})
export type SplitDnsConfig = z.infer<typeof SplitDnsConfig>

/** A name belongs to one zone of a group, else the order of the file would decide. */
function refuseTwice(zones: readonly ZoneConfig[], context: z.RefinementCtx): void {
  const seen = new Set<string>()
  zones.forEach(({ names, groups }, zone) => names.forEach((name, at) => {
    for (const group of groups.length > 0 ? groups : ['']) {
      const key = JSON.stringify([group, name])
      if (seen.has(key)) context.addIssue({ code: 'custom', path: [zone, 'names', at], message: `"${name}" is in two zones${group === '' ? '' : ` of group "${group.slice(0, 64)}"`}` })
      seen.add(key)
    }
  }))
}
