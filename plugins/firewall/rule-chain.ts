import { createHash } from 'node:crypto'
import type { FilterRule } from '../../core/api.ts'
import { elementText, outermost } from './networks.ts'

/** A distinct list of rules: sessions that have the same share one chain. */
export interface RuleChain {
  readonly name: string
  readonly rules: readonly FilterRule[]
}

export const ruleChain = (rules: readonly FilterRule[]): RuleChain => ({
  name: `rules_${createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 16)}`,
  rules,
})

/**
 * The chain as lines of an nft script. `return` is: it may pass. The rules judge the way of a connection that the client has
 * opened; what answers a connection from the other side passes.
 */
export function chainLines({ name, rules }: RuleChain): readonly string[] {
  const lines = ['ct direction reply return', 'meta l4proto { icmp, ipv6-icmp } ct state related return', ...rules.flatMap(ruleLines)]
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), '  }']
}

const FAMILIES = [
  { family: 4, header: 'ip', nfproto: 'ipv4', icmp: 'icmp' },
  { family: 6, header: 'ip6', nfproto: 'ipv6', icmp: 'ipv6-icmp' },
] as const
type Family = (typeof FAMILIES)[number]

function ruleLines(rule: FilterRule): string[] {
  const verdict = rule.verdict === 'drop' ? 'drop' : 'return'
  if (!rule.to) return [[...service(rule), verdict].join(' ')]
  return FAMILIES.flatMap((family) => {
    const where = destination(rule, family)
    return where === undefined ? [] : [[where, ...service(rule, family), verdict].join(' ')]
  })
}

/** undefined: the rule has nothing to say of that family. */
function destination({ to = [], elsewhere = false }: FilterRule, { family, header, nfproto }: Family): string | undefined {
  const networks = outermost(to, family)
  const everything = networks[0]?.length === 0
  if (networks.length === 0 || everything) return everything === elsewhere ? undefined : `meta nfproto ${nfproto}`
  return `${header} daddr ${elsewhere ? '!= ' : ''}{ ${networks.map(elementText).join(', ')} }`
}

function service({ protocol, ports }: FilterRule, family?: Family): string[] {
  if (protocol === undefined) return []
  if (protocol === 'icmp') return [`meta l4proto ${family?.icmp ?? '{ icmp, ipv6-icmp }'}`]
  return [ports ? `${protocol} dport ${ports[0] === ports[1] ? ports[0] : ports.join('-')}` : `meta l4proto ${protocol}`]
}
