/** `tcp(443), udp(53)`: the rules of `allow`; `!(tcp(443))`: of `deny`. Undefined: ocserv does not read it either. */
export interface PortRules {
  readonly inverted: boolean
  /** Each as `allow` and `deny` have it, `tcp 443`; several spellings where one may be unknown here. */
  readonly rules: readonly { readonly text: string; readonly spellings: readonly string[] }[]
}

const SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  tcp: ['tcp'], udp: ['udp'], sctp: ['sctp'], esp: ['esp'], icmp: ['icmp'], icmpv6: ['icmpv6', 'ipv6-icmp', 'icmp6'],
}

export function parsePortRules(value: string): PortRules | undefined {
  const text = value.trim()
  const inner = /^!\s*\((.*)\)$/s.exec(text)?.[1]
  const rules = (inner ?? text).split(',').map((part) => part.trim()).filter((part) => part !== '').map(rule)
  if (rules.length === 0 || rules.includes(undefined)) return undefined
  return { inverted: inner !== undefined, rules: rules.filter((one) => one !== undefined) }
}

function rule(text: string): PortRules['rules'][number] | undefined {
  const match = /^([a-z0-9]+)\s*\(\s*(\d{0,5})\s*\)$/.exec(text.toLowerCase())
  const [, protocol = '', port = ''] = match ?? []
  const names = Object.hasOwn(SPELLINGS, protocol) ? SPELLINGS[protocol] : undefined
  if (!names || Number(port) > 65_535) return undefined
  const suffix = Number(port) === 0 ? '' : ` ${Number(port)}`
  return { text, spellings: names.map((name) => name + suffix) }
}
