import { sourceNetwork } from '../../core/api.ts'
import type { ConnectionDuplex } from './connection-duplex.ts'
import { mostCrowded } from './network.ts'

/** Between two requests of one login of a machine there is less; ms. */
const LINGERING_MS = 5_000

export interface PlaceLimits {
  readonly connections: number
  readonly connectionsPerNetwork: number
}

/**
 * The connections that have not become tunnels, by source network, each network's in the order of their last requests.
 * A client whose connection gave way opens another one and goes on: the dialogue hangs on its cookie.
 */
export class ConnectionPlaces {
  /** With the time of the last request, or of the start. */
  private readonly byNetwork = new Map<string, Map<ConnectionDuplex, number>>()
  private count = 0

  constructor(
    private readonly limits: PlaceLimits,
    private readonly isBusy: (duplex: ConnectionDuplex) => boolean,
    /** Monotonic, ms. */
    private readonly now: () => number,
  ) {}

  /** Gives the connection that has to make room: of its own network only one that lingers, of a full gateway one of the most crowded network. */
  add(duplex: ConnectionDuplex): ConnectionDuplex | undefined {
    const network = sourceNetwork(duplex.info.peer.address)
    const own = this.byNetwork.get(network) ?? new Map<ConnectionDuplex, number>()
    const fromOwn = own.size >= this.limits.connectionsPerNetwork ? this.longestIdle(own, this.now() - LINGERING_MS) : undefined
    const victim = fromOwn ?? (this.count >= this.limits.connections ? this.ofMostCrowded() : undefined)
    this.byNetwork.set(network, own.set(duplex, this.now()))
    this.count++
    if (victim) this.delete(victim)
    return victim
  }

  /** A request came. */
  touch(duplex: ConnectionDuplex): void {
    const own = this.byNetwork.get(sourceNetwork(duplex.info.peer.address))
    if (own?.delete(duplex)) own.set(duplex, this.now())
  }

  delete(duplex: ConnectionDuplex): void {
    const network = sourceNetwork(duplex.info.peer.address)
    const own = this.byNetwork.get(network)
    if (!own?.delete(duplex)) return
    this.count--
    if (own.size === 0) this.byNetwork.delete(network)
  }

  private ofMostCrowded(): ConnectionDuplex | undefined {
    const crowd = mostCrowded(this.byNetwork.values())
    return crowd && (this.longestIdle(crowd, Infinity) ?? crowd.keys().next().value)
  }

  private longestIdle(own: ReadonlyMap<ConnectionDuplex, number>, since: number): ConnectionDuplex | undefined {
    for (const [duplex, at] of own) if (at <= since && !this.isBusy(duplex)) return duplex
    return undefined
  }
}
