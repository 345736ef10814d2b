import { formatPrefix, parseTrafficRule, type FilterRule, type Policy } from '../../core/api.ts'

export type Restricting = Pick<Policy, 'allow' | 'deny' | 'dns' | 'restrictToRoutes' | 'splitInclude' | 'splitExclude'>

/**
 * What a policy restricts, as rules of which the first that matches decides; none: nothing. `deny` wins; of what is left
 * a client always reaches its DNS servers, which are `own`, the gateway's addresses, when its policy names none; then routes
 * and `allow` both have to let it pass.
 */
export function filterRules({ allow, deny, dns, restrictToRoutes, splitInclude, splitExclude }: Restricting, own: readonly string[]): readonly FilterRule[] {
  const resolvers = dns.length > 0 ? dns : own
  const routes: FilterRule[] = []
  if (restrictToRoutes && splitInclude.length > 0) routes.push({ verdict: 'drop', to: splitInclude, elsewhere: true })
  if (restrictToRoutes && splitExclude.length > 0) routes.push({ verdict: 'drop', to: splitExclude })
  const rules = byService('drop', deny)
  if (routes.length + allow.length > 0 && resolvers.length > 0) {
    for (const protocol of ['udp', 'tcp'] as const) rules.push({ verdict: 'pass', protocol, ports: [53, 53], to: resolvers })
  }
  rules.push(...routes)
  if (allow.length > 0) rules.push(...byService('pass', allow), { verdict: 'drop' })
  return rules
}

/** One rule for all entries that name the same protocol and ports: their order does not matter. */
function byService(verdict: FilterRule['verdict'], entries: readonly string[]): FilterRule[] {
  const rules = new Map<string, FilterRule & { to?: string[] }>()
  for (const entry of entries) {
    const rule = parseTrafficRule(entry)
    if (!rule) throw new Error(`not a rule: ${entry}`)
    const { to, ...service } = rule
    const key = JSON.stringify(service)
    const known = rules.get(key)
    if (!to) rules.set(key, { verdict, ...service })
    else if (!known) rules.set(key, { verdict, ...service, to: [formatPrefix(to)] })
    else known.to?.push(formatPrefix(to))
  }
  return [...rules.values()]
}
