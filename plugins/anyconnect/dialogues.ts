import { timingSafeEqual } from 'node:crypto'
import { pooledRandomBytes, sourceNetwork, type Clock } from '../../core/api.ts'
import type { ClientFacts } from './client-document.ts'
import type { Dialogue } from './dialogue.ts'
import type { ChosenGroup } from './group-choice.ts'
import { mostCrowded } from './network.ts'

/** Dialogues held at once; beyond that the oldest of the address, or of the most crowded one, gives way. */
export const DIALOGUE_LIMITS = { total: 2000, perAddress: 128 } as const

/** One open login as the gateway remembers it between two POSTs. */
export interface OpenDialogue {
  /** 64 hex digits: the secret in the cookie `webvpncontext` and in `<opaque>`. */
  readonly handle: string
  readonly dialogue: Dialogue
  /** Where it was begun; undefined: the gateway itself. */
  readonly host?: string | undefined
  readonly chosen: ChosenGroup
  /** What the client said of itself in its `init`. */
  readonly facts: ClientFacts
  /** The document that a second certificate has to sign; taken out by the first answer. */
  challenge?: string | undefined
}

interface Entry {
  readonly key: string
  readonly network: string
  readonly expires: number
  readonly open: OpenDialogue
}

/** Open dialogues by handle: bounded in number, per source network and in time. Half of the handle finds, all of it is compared. */
export class Dialogues {
  private readonly entries = new Map<string, Entry>()
  private readonly byNetwork = new Map<string, Set<Entry>>()
  private evictions = 0

  constructor(
    private readonly clock: Clock,
    private readonly lifetimeMs: () => number,
  ) {}

  get size(): number {
    return this.entries.size
  }
  /** Dialogues that gave way to newer ones. */
  get evicted(): number {
    return this.evictions
  }

  /** An `earlier` handle (a group change) keeps its name and starts its time anew. */
  add(address: string, value: Omit<OpenDialogue, 'handle'>, earlier?: string): OpenDialogue {
    this.expire()
    const network = sourceNetwork(address)
    if (earlier !== undefined) this.remove(earlier)
    const handle = earlier ?? pooledRandomBytes(32).toString('hex')
    const neighbours = this.byNetwork.get(network)
    if (neighbours && neighbours.size >= DIALOGUE_LIMITS.perAddress) this.evict(first(neighbours))
    if (this.entries.size >= DIALOGUE_LIMITS.total) this.evict(first(mostCrowded(this.byNetwork.values())))
    const entry: Entry = { key: keyOf(handle), network, expires: this.clock.monotonic() + this.lifetimeMs(), open: { ...value, handle } }
    this.entries.set(entry.key, entry)
    const set = this.byNetwork.get(network) ?? new Set()
    this.byNetwork.set(network, set.add(entry))
    return entry.open
  }

  get(handle: string | undefined): OpenDialogue | undefined {
    this.expire()
    return handle === undefined ? undefined : this.find(handle)?.open
  }

  remove(handle: string): void {
    const entry = this.find(handle)
    if (entry) this.forget(entry)
  }

  // How long the comparison takes tells nothing of the secret half.
  private find(handle: string): Entry | undefined {
    const entry = this.entries.get(keyOf(handle))
    if (!entry || entry.open.handle.length !== handle.length) return undefined
    const [kept, sent] = [Buffer.from(entry.open.handle), Buffer.from(handle)]
    return kept.length === sent.length && timingSafeEqual(kept, sent) ? entry : undefined
  }

  // All live equally long, so the oldest expire first.
  private expire(): void {
    const now = this.clock.monotonic()
    for (const entry of this.entries.values()) {
      if (entry.expires > now) return
      this.forget(entry)
    }
  }

  private evict(entry: Entry | undefined): void {
    if (!entry) return
    this.evictions++
    this.forget(entry)
  }

  private forget(entry: Entry): void {
    entry.open.dialogue.abandon()
    this.entries.delete(entry.key)
    const set = this.byNetwork.get(entry.network)
    set?.delete(entry)
    if (set?.size === 0) this.byNetwork.delete(entry.network)
  }
}

const keyOf = (handle: string): string => handle.slice(0, 32)

const first = <T>(values: Iterable<T> = []): T | undefined => {
  for (const value of values) return value
  return undefined
}
