import type { DataPlane, TunnelHandle } from '../dataplane.ts'
import type { Logger } from '../log.ts'
import { endpointAddress } from '../net/address.ts'
import type { KeepaliveBook } from './keepalive-book.ts'
import type { SessionRecord } from './session-record.ts'

/** How the DTLS channels of tunnels are kept open where that is learned, by what is known of the networks they come through. */
export class TunnelKeepalive {
  constructor(
    private readonly book: KeepaliveBook,
    private readonly dataPlane: DataPlane,
    private readonly log: Logger,
  ) {}

  /** The path of a tunnel was silent for so long, then a packet of ours was answered, or was not. */
  learn(record: SessionRecord, { tunnel, seconds, survived }: { readonly tunnel: TunnelHandle; readonly seconds: number; readonly survived: boolean }): void {
    this.book.observe(endpointAddress(record.peer), seconds, survived)
    this.log.debug('silence', { session: record.id, network: record.keepalive?.network, seconds, survived })
    if (record.machine.tunnel === tunnel) this.follow(record)
  }

  /** What has been learned since its CONNECT, or what is known where it is now. */
  follow(record: SessionRecord): void {
    const { spec, machine: { tunnel } } = record
    if (!spec?.learning || tunnel === undefined) return
    const keepalive = this.book.plan(endpointAddress(record.peer), record.policy.values)
    if (!keepalive) return
    record.keepalive = keepalive
    if (keepalive.probeSec === spec.dtlsDpdSec) return
    record.spec = { ...spec, dtlsDpdSec: keepalive.probeSec }
    this.dataPlane.updateTunnel(tunnel, record.spec)
  }
}
