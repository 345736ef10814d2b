import { parseAddress, parsePrefix } from '../net/address.ts'

/** One entry of `allow` or `deny`: `10.0.0.0/8`, `tcp 443 10.1.0.5`, `udp 53`, `icmp`. */
export function isTrafficRule(text: string): boolean {
  const words = text.split(' ')
  const protocol = /^(?:tcp|udp|icmp)$/.test(words[0] ?? '') ? words.shift() : undefined
  if (protocol === 'tcp' || protocol === 'udp') {
    const port = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(words[0] ?? '')
    if (port) {
      const [from, to] = [Number(port[1]), Number(port[2] ?? port[1])]
      if (from < 1 || to > 65535 || from > to) return false
      words.shift()
    }
  }
  if (words.length === 0) return protocol !== undefined
  return words.length === 1 && (parseAddress(words[0] ?? '') ?? parsePrefix(words[0] ?? '')) !== undefined
}
