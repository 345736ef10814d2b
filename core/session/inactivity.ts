import type { TunnelCounters } from '../dataplane.ts'
import type { SessionRecord } from './session-record.ts'

type Sign = Pick<TunnelCounters, 'rxPackets' | 'inactiveMs'>

/**
 * How long the client of a session has sent no payload, over all its tunnels. DPD and keepalives are none. Time
 * without a tunnel does not count: other timeouts watch that, and a laptop that wakes up is not thrown out for having slept.
 */
export class Inactivity {
  /** At the end of the tunnels before the present one. */
  private beforeMs = 0

  /** Milliseconds, with what the present tunnel shows. */
  read({ rxPackets, inactiveMs }: Sign): number {
    return Number(inactiveMs) + (rxPackets === 0n ? this.beforeMs : 0)
  }

  tunnelEnded(last: Sign): void {
    this.beforeMs = this.read(last)
  }

  /** Of the tunnels before. */
  get carriedMs(): number {
    return this.beforeMs
  }
}

type Watched = Pick<SessionRecord, 'inactivity' | 'policy'>

/** When a tunnel that just came up is looked at, monotonic ms. Nobody is asked before the timeout can have come. */
export function firstLook({ inactivity, policy }: Watched, now: number): number {
  const { inactivityTimeoutSec } = policy.values
  return inactivityTimeoutSec === 0 ? Infinity : now + inactivityTimeoutSec * 1000 - inactivity.carriedMs
}

/** Milliseconds until the next look; 0 or less: the timeout has come. Without `signs` the tunnel is about to end by itself. */
export function nextLookMs({ inactivity, policy }: Watched, signs: Sign | undefined): number {
  const limit = policy.values.inactivityTimeoutSec * 1000
  return signs === undefined ? limit : limit - inactivity.read(signs)
}
