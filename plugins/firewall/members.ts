import type { Policy, Session } from '../../core/api.ts'
import { filterRules } from './filter-rules.ts'
import { ruleChain, type RuleChain } from './rule-chain.ts'

/** Sets and maps of the table. `clients` and `networks` lead to a chain, who is in `peers` may reach other clients. */
export const ADDRESS_SETS = ['clients4', 'clients6', 'peers4', 'peers6'] as const
export const NETWORK_SETS = ['networks4', 'networks6', 'peer_networks4', 'peer_networks6'] as const
export type SetName = (typeof ADDRESS_SETS)[number] | (typeof NETWORK_SETS)[number]
export const isMap = (set: SetName): boolean => /^(?:clients|networks)/.test(set)

/** What a session has in the table: nothing where its policy restricts nothing. */
export interface Membership {
  readonly chain: RuleChain | undefined
  readonly members: readonly { readonly set: SetName; readonly element: string }[]
}

const chains = new WeakMap<Policy, { readonly own: string; readonly chain: RuleChain | undefined }>()
/** Policies never change, so each is read once for the addresses that the gateway has. */
function chainOf(policy: Policy, own: readonly string[]): RuleChain | undefined {
  const known = chains.get(policy)
  if (known?.own === own.join()) return known.chain
  const rules = filterRules(policy, own)
  const chain = rules.length > 0 ? ruleChain(rules) : undefined
  chains.set(policy, { own: own.join(), chain })
  return chain
}

/** `own`: the gateway's own addresses in the pools. */
export function membership({ leases, policy: { values } }: Pick<Session, 'leases' | 'policy'>, own: readonly string[]): Membership {
  const chain = chainOf(values, own)
  const sets = [...(chain ? (['clients', 'networks'] as const) : []), ...(values.clientToClient ? (['peers', 'peer_networks'] as const) : [])]
  const addresses = [leases.ipv4?.address, leases.ipv6?.address].flatMap((address) => address ?? [])
  const members = sets.flatMap((set) =>
    (set.endsWith('networks') ? values.iroute : addresses).map((element) => ({ set: `${set}${element.includes(':') ? 6 : 4}` as SetName, element })))
  return { chain, members }
}
