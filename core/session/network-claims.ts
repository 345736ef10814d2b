/** A session that wants networks routed to it (`iroute`). */
export interface NetworkClaimant {
  readonly user: string
  /** Rises with each tunnel. */
  readonly since: number
  readonly wanted: readonly string[]
}

/**
 * Who has which network. A user who has one keeps it against others as long as a session of his wants it, and of his own
 * sessions the newest has it: a router that comes back takes over from what it left behind. `before`: who has them so far.
 */
export function networkOwners(claimants: ReadonlyMap<string, NetworkClaimant>, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const byNetwork = new Map<string, [string, NetworkClaimant][]>()
  for (const entry of [...claimants].sort(([, one], [, other]) => one.since - other.since)) {
    for (const network of entry[1].wanted) byNetwork.set(network, [...(byNetwork.get(network) ?? []), entry])
  }
  return new Map([...byNetwork].map(([network, all]) => {
    const owner = claimants.get(before.get(network) ?? '')
    const user = all.find(([, { user }]) => user === owner?.user)?.[1].user ?? all[0]?.[1].user
    return [network, all.findLast((entry) => entry[1].user === user)?.[0] ?? '']
  }))
}
