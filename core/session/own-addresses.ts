import { GatewayError } from '../errors.ts'
import type { Hooks } from '../hooks.ts'
import type { PolicySource } from '../slots.ts'
import type { LeaseBook } from './lease-book.ts'
import type { SessionIndex } from './session-index.ts'
import type { SessionRecord } from './session-record.ts'

/** Addresses that a policy gives to one user for good: `ipv4-address`, `ipv6-address`. */
export class OwnAddresses {
  constructor(
    private readonly sources: Hooks<PolicySource>,
    private readonly leases: LeaseBook,
    private readonly index: SessionIndex,
  ) {}

  /** Who has one has to find it in the pool, and nobody else on it. Throws ADDRESS_UNAVAILABLE. */
  check({ user, policy: { values: { pool, ipv4Address, ipv6Address } } }: SessionRecord): void {
    for (const address of [ipv4Address, ipv6Address]) {
      if (address === '') continue
      if (!this.leases.inPool(pool, address)) throw new GatewayError('ADDRESS_UNAVAILABLE', `${address} of ${user} is not an address of pool ${pool}`)
      const holder = this.leases.isHeld(address) ? this.index.all().find(({ leases }) => leases.ipv4?.address === address || leases.ipv6?.address === address) : undefined
      if (holder && holder.user !== user) throw new GatewayError('ADDRESS_UNAVAILABLE', `${address} of ${user} is still held by session ${holder.id} of ${holder.user}`)
    }
  }

  /** What a claim has to know: the user's own addresses, and which are somebody else's. */
  of({ user, policy: { values } }: SessionRecord): { readonly own: { readonly ipv4: string; readonly ipv6: string }; another(address: string): boolean } {
    return { own: { ipv4: values.ipv4Address, ipv6: values.ipv6Address }, another: (address) => (this.ownerOf(address) ?? user) !== user }
  }

  private ownerOf(address: string): string | undefined {
    for (const source of this.sources.list()) {
      const user = source.ownerOf?.(address)
      if (user !== undefined) return user
    }
    return undefined
  }
}
