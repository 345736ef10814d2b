import { mostCrowded } from './network.ts'
import type { PortConnection } from './port-connection.ts'

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
  private readonly byNetwork = new Map<string, Map<PortConnection, number>>()
  private count = 0

  constructor(
    private readonly limits: PlaceLimits,
    /** Monotonic, ms. */
    private readonly now: () => number,
  ) {}

  /** Gives the connection that has to make room: of its own network only one that lingers, of a full gateway one of the most crowded network. */
  add(connection: PortConnection): PortConnection | undefined {
    const { network } = connection
    const own = this.byNetwork.get(network) ?? new Map<PortConnection, number>()
    const fromOwn = own.size >= this.limits.connectionsPerNetwork ? this.longestIdle(own, this.now() - LINGERING_MS) : undefined
    const victim = fromOwn ?? (this.count >= this.limits.connections ? this.ofMostCrowded() : undefined)
    this.byNetwork.set(network, own.set(connection, this.now()))
    this.count++
    if (victim) this.delete(victim)
    return victim
  }

  /** A request came. */
  touch(connection: PortConnection): void {
    const own = this.byNetwork.get(connection.network)
    if (own?.delete(connection)) own.set(connection, this.now())
  }

  delete(connection: PortConnection): void {
    const { network } = connection
    const own = this.byNetwork.get(network)
    if (!own?.delete(connection)) return
    this.count--
    if (own.size === 0) this.byNetwork.delete(network)
  }

  private ofMostCrowded(): PortConnection | undefined {
    const crowd = mostCrowded(this.byNetwork.values())
    return crowd && (this.longestIdle(crowd, Infinity) ?? crowd.keys().next().value)
  }

  private longestIdle(own: ReadonlyMap<PortConnection, number>, since: number): PortConnection | undefined {
    for (const [connection, at] of own) if (at <= since && !connection.busy) return connection
    return undefined
  }
}
