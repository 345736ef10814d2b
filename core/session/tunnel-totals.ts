import type { TunnelCounters, TunnelHandle } from '../dataplane.ts'

export type Totals = Pick<TunnelCounters, 'rxBytes' | 'txBytes' | 'rxPackets' | 'txPackets'>
export const NO_TRAFFIC: Totals = { rxBytes: 0n, txBytes: 0n, rxPackets: 0n, txPackets: 0n }

const add = (a: Totals, b: Totals): Totals => ({
  rxBytes: a.rxBytes + b.rxBytes, txBytes: a.txBytes + b.txBytes,
  rxPackets: a.rxPackets + b.rxPackets, txPackets: a.txPackets + b.txPackets,
})
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const atLeast = (a: Totals, b: Totals): Totals => ({
  rxBytes: max(a.rxBytes, b.rxBytes), txBytes: max(a.txBytes, b.txBytes),
  rxPackets: max(a.rxPackets, b.rxPackets), txPackets: max(a.txPackets, b.txPackets),
})

/** Traffic of a session over all its tunnels. Never falls: what a tunnel once showed counts, also when it cannot be asked any more. */
export class TunnelTotals {
  private finished: Totals
  private readonly running = new Map<TunnelHandle, Totals>()

  constructor(before: Totals = NO_TRAFFIC) {
    this.finished = before
  }

  started(tunnel: TunnelHandle): void {
    this.running.set(tunnel, NO_TRAFFIC)
  }

  /** `last`: what the data plane reported with the end. */
  ended(tunnel: TunnelHandle, last: Totals): void {
    const seen = this.running.get(tunnel)
    if (!seen) return
    this.running.delete(tunnel)
    this.finished = add(this.finished, atLeast(seen, last))
  }

  read(ask: (tunnel: TunnelHandle) => Totals | undefined): Totals {
    let sum = this.finished
    for (const [tunnel, seen] of this.running) {
      const now = atLeast(seen, ask(tunnel) ?? NO_TRAFFIC)
      this.running.set(tunnel, now)
      sum = add(sum, now)
    }
    return sum
  }
}
