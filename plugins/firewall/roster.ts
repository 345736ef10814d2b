import { NETWORK_SETS, type Membership, type SetName } from './members.ts'
import type { RuleChain } from './rule-chain.ts'

/** Elements by set: an address or network, and the chain it leads to (empty in plain sets). */
export type Elements = ReadonlyMap<SetName, ReadonlyMap<string, string>>

/** What a table with these members has in it. Never changes. */
export interface Roll {
  readonly chains: ReadonlyMap<string, RuleChain>
  readonly elements: Elements
}

/** What it takes from one roll to the next. */
export interface RollChange {
  readonly newChains: readonly RuleChain[]
  readonly oldChains: readonly string[]
  readonly removed: readonly { readonly set: SetName; readonly element: string }[]
  readonly added: readonly { readonly set: SetName; readonly element: string; readonly chain: string }[]
  /** Sets of networks are replaced as a whole: their elements depend on each other. */
  readonly replaced: ReadonlyMap<SetName, ReadonlyMap<string, string>>
}

interface Owner {
  readonly session: string
  readonly chain: string
}

/** Which session has which element in the table. Where two have the same, the one that came last is in force. */
export class Roster {
  private readonly bySession = new Map<string, Membership>()
  private readonly owners = new Map<SetName, Map<string, Owner[]>>()
  private readonly chains = new Map<string, { readonly chain: RuleChain; users: number }>()
  private dirty = new Map<SetName, Set<string>>()
  private dirtyChains = new Set<string>()
  /** As the table last took it over. */
  private taken = { chains: new Set<string>(), elements: new Map<SetName, Map<string, string>>() }

  get size(): number {
    return this.bySession.size
  }

  get(session: string): Membership | undefined {
    return this.bySession.get(session)
  }

  /** Replaces what the session had; nothing is left of a session without chain and members. */
  put(session: string, membership: Membership): void {
    this.remove(session)
    const { chain, members } = membership
    if (members.length === 0) return
    this.bySession.set(session, membership)
    if (chain) {
      const known = this.chains.get(chain.name)
      if (known) known.users++
      else this.chains.set(chain.name, { chain, users: 1 })
      this.dirtyChains.add(chain.name)
    }
    for (const { set, element } of members) {
      const ofSet = this.owners.get(set) ?? new Map<string, Owner[]>()
      this.owners.set(set, ofSet)
      ofSet.set(element, [...(ofSet.get(element) ?? []), { session, chain: leadsTo(set, chain) }])
      this.touch(set, element)
    }
  }

  remove(session: string): void {
    const membership = this.bySession.get(session)
    if (!membership) return
    this.bySession.delete(session)
    const { chain, members } = membership
    const known = chain && this.chains.get(chain.name)
    if (known && --known.users === 0) this.chains.delete(known.chain.name)
    if (chain) this.dirtyChains.add(chain.name)
    for (const { set, element } of members) {
      const others = (this.owners.get(set)?.get(element) ?? []).filter((owner) => owner.session !== session)
      if (others.length > 0) this.owners.get(set)?.set(element, others)
      else this.owners.get(set)?.delete(element)
      this.touch(set, element)
    }
  }

  /** Everything there is; the next change starts from here. */
  takeAll(): Roll {
    const elements = new Map([...this.owners].filter(([, ofSet]) => ofSet.size > 0).map(([set]) => [set, this.elements(set)]))
    this.taken = { chains: new Set(this.chains.keys()), elements: new Map([...elements].map(([set, ofSet]) => [set, new Map(ofSet)])) }
    this.dirty = new Map()
    this.dirtyChains = new Set()
    return { chains: new Map([...this.chains].map(([name, { chain }]) => [name, chain])), elements }
  }

  /** What has changed since anything was taken last; undefined: nothing. */
  takeChange(): RollChange | undefined {
    const { taken, dirty, dirtyChains } = this
    const change = { newChains: [] as RuleChain[], oldChains: [] as string[], removed: [] as { set: SetName; element: string }[], added: [] as { set: SetName; element: string; chain: string }[], replaced: new Map<SetName, ReadonlyMap<string, string>>() }
    for (const name of dirtyChains) {
      const known = this.chains.get(name)
      if (known && !taken.chains.has(name)) change.newChains.push(known.chain)
      if (!known && taken.chains.has(name)) change.oldChains.push(name)
      if (known) taken.chains.add(name)
      else taken.chains.delete(name)
    }
    for (const [set, elements] of dirty) {
      if ((NETWORK_SETS as readonly string[]).includes(set)) {
        change.replaced.set(set, this.elements(set))
        continue
      }
      const known = taken.elements.get(set) ?? new Map<string, string>()
      taken.elements.set(set, known)
      for (const element of elements) {
        const [before, after] = [known.get(element), this.inForce(set, element)]
        if (before === after) continue
        if (before !== undefined) change.removed.push({ set, element })
        if (after !== undefined) change.added.push({ set, element, chain: after })
        if (after === undefined) known.delete(element)
        else known.set(element, after)
      }
    }
    this.dirty = new Map()
    this.dirtyChains = new Set()
    const { newChains, oldChains, removed, added, replaced } = change
    return newChains.length + oldChains.length + removed.length + added.length + replaced.size === 0 ? undefined : change
  }

  private touch(set: SetName, element: string): void {
    const elements = this.dirty.get(set) ?? new Set<string>()
    elements.add(element)
    this.dirty.set(set, elements)
  }
  private inForce(set: SetName, element: string): string | undefined {
    return this.owners.get(set)?.get(element)?.at(-1)?.chain
  }
  private elements(set: SetName): ReadonlyMap<string, string> {
    return new Map([...(this.owners.get(set) ?? [])].map(([element, owners]) => [element, owners.at(-1)?.chain ?? '']))
  }
}

const leadsTo = (set: SetName, chain: RuleChain | undefined): string => (/^(?:clients|networks)/.test(set) ? (chain?.name ?? '') : '')
