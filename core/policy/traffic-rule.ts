import type { FilterProtocol } from '../dataplane.ts'
import { bits, parseAddress, parsePrefix, prefixOf, type Prefix } from '../net/address.ts'

/** One entry of `allow` or `deny`, read. What is absent is any. */
export interface TrafficRule {
  readonly protocol?: FilterProtocol
  /** Destination ports, first and last. */
  readonly ports?: readonly [first: number, last: number]
  readonly to?: Prefix
}

/** `10.0.0.0/8`, `tcp 443 10.1.0.5`, `udp 53`, `tcp 8000-8080`, `icmp`; undefined: none of these. */
export function parseTrafficRule(text: string): TrafficRule | undefined {
  const words = text.split(' ')
  const protocol = /^(?:tcp|udp|icmp)$/.test(words[0] ?? '') ? (words.shift() as FilterProtocol) : undefined
  let ports: TrafficRule['ports']
  if (protocol === 'tcp' || protocol === 'udp') {
    const port = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(words[0] ?? '')
    if (port) {
      const [from, to] = [Number(port[1]), Number(port[2] ?? port[1])]
      if (from < 1 || to > 65535 || from > to) return undefined
      ports = [from, to]
      words.shift()
    }
  }
  const service = { ...(protocol && { protocol }), ...(ports && { ports }) }
  if (words.length === 0) return protocol === undefined ? undefined : service
  const to = words.length === 1 ? network(words[0] ?? '') : undefined
  return to && { ...service, to }
}

function network(text: string): Prefix | undefined {
  const address = parseAddress(text)
  return address ? prefixOf(address, bits(address.family)) : parsePrefix(text)
}

export const isTrafficRule = (text: string): boolean => parseTrafficRule(text) !== undefined
