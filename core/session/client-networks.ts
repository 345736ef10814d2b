import type { Clock } from '../clock.ts'
import type { PoolConfig } from '../config/gateway-config.ts'
import type { DataPlane } from '../dataplane.ts'
import type { Health } from '../health.ts'
import { overlaps, parsePrefix, type Prefix } from '../net/address.ts'
import { machineNetworks } from '../net/machine-networks.ts'
import { deviceAddresses } from '../open-spec.ts'
import { networkOwners, type NetworkClaimant } from './network-claims.ts'
import type { SessionRecord } from './session-record.ts'

const CODE = 'CLIENT_NETWORKS'
const DEVICE_CODE = 'DEVICE'
/** A client that changes its connection is back within this: until then packets wait for it, ms. */
export const LINGER_MS = 5000

export interface ClientNetworksParts {
  readonly clock: Clock
  readonly config: { readonly pools: ReadonlyMap<string, PoolConfig> }
  readonly dataPlane: DataPlane
  readonly health: Health
  /** Networks that the machine itself is in. Default: as its interfaces say. */
  readonly machine?: () => readonly Prefix[]
}
interface Entry extends NetworkClaimant {
  readonly record: SessionRecord
}

/**
 * Networks behind clients (`iroute`): each is one session's, from its tunnel's beginning until a little after its end. The
 * data plane hears of it with the tunnel, the kernel as routes of the device.
 */
export class ClientNetworks {
  private readonly entries = new Map<string, Entry>()
  private readonly lingering = new Map<string, { cancel(): void }>()
  private owners: ReadonlyMap<string, string> = new Map()
  private device = ''
  private tunnels = 0

  constructor(private readonly parts: ClientNetworksParts) {}

  /** A tunnel begins: the networks that it has. */
  start(record: SessionRecord): readonly string[] {
    this.stay(record)
    if (record.policy.values.iroute.length === 0 && !this.entries.has(record.id)) return []
    this.enter(record, ++this.tunnels)
    return record.networks
  }

  /** Its policy has changed. */
  follow(record: SessionRecord): void {
    const { iroute } = record.policy.values
    const entry = this.entries.get(record.id)
    if (entry || (iroute.length > 0 && record.machine.tunnel !== undefined)) this.enter(record, entry?.since ?? ++this.tunnels)
  }

  /** There is no tunnel; it may come back. */
  stop(record: SessionRecord): void {
    if (!this.entries.has(record.id) || this.lingering.has(record.id)) return
    this.lingering.set(record.id, this.parts.clock.after(LINGER_MS, () => this.forget(record)))
  }

  /** The session has ended. */
  forget(record: SessionRecord): void {
    this.stay(record)
    if (!this.entries.delete(record.id)) return
    record.networks = []
    this.settle()
  }

  /** The pools have changed: the device has their addresses, and networks that overlap them are nobody's. */
  renew(): void {
    for (const { record, since } of [...this.entries.values()]) this.entries.set(record.id, this.entry(record, since))
    this.settle()
  }

  close(): void {
    for (const timer of this.lingering.values()) timer.cancel()
    this.lingering.clear()
  }

  private stay(record: SessionRecord): void {
    this.lingering.get(record.id)?.cancel()
    this.lingering.delete(record.id)
  }

  private enter(record: SessionRecord, since: number): void {
    const entry = this.entry(record, since)
    if (record.policy.values.iroute.length === 0) this.entries.delete(record.id)
    else this.entries.set(record.id, entry)
    this.settle(record.policy.values.iroute.length === 0 ? record : undefined)
  }

  private entry(record: SessionRecord, since: number): Entry {
    const machine = this.machine()
    return { record, user: record.user, since, wanted: record.policy.values.iroute.filter((network) => this.taken(network, machine) === undefined) }
  }

  /** Whose it is already, where it is the gateway's. */
  private taken(network: string, machine: readonly Prefix[]): string | undefined {
    const prefix = parsePrefix(network)
    if (!prefix) return 'nobody'
    for (const { name, ipv4, ipv6 } of this.parts.config.pools.values()) {
      if ([ipv4, ipv6].some((cidr) => cidr !== undefined && overlaps(parsePrefix(cidr) ?? prefix, prefix))) return `pool ${name}`
    }
    return machine.some((own) => overlaps(own, prefix)) ? 'a network of the gateway itself' : undefined
  }

  private machine(): readonly Prefix[] {
    return (this.parts.machine ?? machineNetworks)()
  }

  private settle(left?: SessionRecord): void {
    this.owners = networkOwners(this.entries, this.owners)
    for (const record of [...[...this.entries.values()].map(({ record }) => record), ...(left ? [left] : [])]) {
      const networks = record.policy.values.iroute.filter((network) => this.owners.get(network) === record.id)
      if (JSON.stringify(networks) === JSON.stringify(record.networks)) continue
      record.networks = networks
      this.tell(record)
    }
    this.tellDevice()
    this.report()
  }

  private tell(record: SessionRecord): void {
    const { spec, machine: { tunnel }, networks } = record
    if (!spec || tunnel === undefined) return
    record.spec = { ...spec, networks }
    this.parts.dataPlane.updateTunnel(tunnel, record.spec)
  }

  private tellDevice(): void {
    const spec = { addresses: deviceAddresses(this.parts.config.pools), routes: [...this.owners.keys()].sort() }
    const text = JSON.stringify(spec)
    if (text === this.device) return
    const refused = this.parts.dataPlane.configureDevice(spec)
    // What was refused is tried again with the next change.
    this.device = refused.length === 0 ? text : ''
    if (refused.length === 0) this.parts.health.clear(DEVICE_CODE)
    else this.parts.health.raise(DEVICE_CODE, 'warning', bounded(refused))
  }

  private report(): void {
    const lines = [...this.entries.values()].flatMap(({ record }) =>
      record.policy.values.iroute.filter((network) => !record.networks.includes(network)).map((network) => {
        const owner = this.entries.get(this.owners.get(network) ?? '')?.record
        return `${network} is not routed to session ${record.id} of ${record.user}: it is that of ${owner ? `session ${owner.id} of ${owner.user}` : (this.taken(network, this.machine()) ?? 'nobody')}`
      }))
    if (lines.length === 0) this.parts.health.clear(CODE)
    else this.parts.health.raise(CODE, 'warning', bounded(lines))
  }
}

const SHOWN = 5
const bounded = (lines: readonly string[]): string => `${lines.slice(0, SHOWN).join('; ')}${lines.length > SHOWN ? ` and ${lines.length - SHOWN} more` : ''}`
