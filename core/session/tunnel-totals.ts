import type { TunnelCounters, TunnelHandle } from '../dataplane.ts'

const COUNTED = ['rxBytes', 'txBytes', 'rxPackets', 'txPackets', 'dtlsRxBytes', 'dtlsTxBytes', 'dtlsRxPackets', 'dtlsTxPackets'] as const
/** Payload bytes and packets of inner IP; what begins with `dtls` is the part of the others that took the DTLS channel. */
export type Totals = Pick<TunnelCounters, (typeof COUNTED)[number]>

const each = (value: (name: (typeof COUNTED)[number]) => bigint): Totals => ({
  rxBytes: value('rxBytes'), txBytes: value('txBytes'), rxPackets: value('rxPackets'), txPackets: value('txPackets'),
  dtlsRxBytes: value('dtlsRxBytes'), dtlsTxBytes: value('dtlsTxBytes'), dtlsRxPackets: value('dtlsRxPackets'), dtlsTxPackets: value('dtlsTxPackets'),
})
export const NO_TRAFFIC: Totals = each(() => 0n)

const add = (a: Totals, b: Totals): Totals => each((name) => a[name] + b[name])
const atLeast = (a: Totals, b: Totals): Totals => each((name) => (a[name] > b[name] ? a[name] : b[name]))

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
