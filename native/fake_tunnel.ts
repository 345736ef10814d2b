import type { DropHow, DtlsDownReason, TunnelCounters, TunnelDownReason, TunnelHandle, TunnelSpec } from '../core/dataplane.ts'
import { TUNNEL_COUNTERS } from '../core/dataplane.ts'
import type { FakeClient, GatewayEnd } from './fake_client.ts'
import type { DtlsEnd, FakeDtls } from './fake_dtls.ts'
import { lengthBehind } from './fake_networks.ts'
import { passesDown, passesUp } from './fake_filter.ts'
import { canonical, frame, FRAME, parsePacket, takeFrames } from './fake_frames.ts'

const MAX_DETAIL = 512
/** A DPD request of this size measures the path, before the client looks at packets. */
const PROBE = 256

/** What a fake tunnel needs of its data plane. */
export interface TunnelHost {
  count(name: 'cstpRxFrames' | 'cstpTxFrames' | 'cstpFrameErrors' | 'dtlsRxRecords' | 'dtlsTxRecords' | 'dpdReceived' | 'unknownFrames' | 'decompressFailures' | 'rxSpoofed' | 'rxInvalid' | 'tunTxPackets' | 'tunRxPackets' | 'txDropped' | 'filtered'): void
  toTun(packet: Buffer): void
  /** Does a tunnel hold the address, or a network that holds it? */
  routed(address: string): boolean
  dtlsUp(tunnel: FakeTunnel, channel: FakeDtls): void
  dtlsDown(tunnel: FakeTunnel, reason: DtlsDownReason): void
  down(tunnel: FakeTunnel, reason: TunnelDownReason, detail: Uint8Array): void
}

export class FakeTunnel implements GatewayEnd, DtlsEnd {
  #rest: Buffer = Buffer.alloc(0)
  #down = false
  #dtls: FakeDtls | undefined
  /** Where the client spoke last, and so where data goes. */
  #overDtls = false
  #heard = performance.now()
  #active = performance.now()
  readonly #counts = { rxPackets: 0n, rxBytes: 0n, txPackets: 0n, txBytes: 0n, rxSpoofed: 0n, rxInvalid: 0n, txDropped: 0n, dtlsRxPackets: 0n, dtlsRxBytes: 0n, dtlsTxPackets: 0n, dtlsTxBytes: 0n }

  constructor(readonly handle: TunnelHandle, public spec: TunnelSpec, readonly client: FakeClient, private readonly host: TunnelHost) {}

  addresses(): string[] {
    return [this.spec.ipv4, this.spec.ipv6].filter((address) => address !== undefined).map(canonical)
  }
  bytes(chunk: Buffer): void {
    if (this.#down) return
    const { frames, rest, broken } = takeFrames(Buffer.concat([this.#rest, chunk]))
    this.#rest = rest
    for (const { type, payload } of frames) {
      if (this.#down) return
      this.host.count('cstpRxFrames')
      this.#heard = performance.now()
      if (type === FRAME.data) {
        if (payload.length > 0) this.#overDtls = false
        this.#inner(Buffer.from(payload))
      } else if (type === FRAME.dpdRequest) {
        this.host.count('dpdReceived')
        this.#send(FRAME.dpdResponse, payload)
      } else if (type === FRAME.disconnect || type === FRAME.terminate) this.close('peer-disconnect', payload.subarray(0, MAX_DETAIL))
      // It knows no codec, so nothing was agreed on.
      else if (type === FRAME.compressed) this.host.count('decompressFailures')
      else if (type !== FRAME.dpdResponse && type !== FRAME.keepalive) this.host.count('unknownFrames')
    }
    if (broken && !this.#down) {
      this.host.count('cstpFrameErrors')
      this.close('frame')
    }
  }
  fin(): void {
    this.close('eof')
  }
  rst(): void {
    this.close('eof')
  }
  drained(): void {}

  confirm(channel: FakeDtls): void {
    if (this.#down) return
    if (this.#dtls) this.endDtls('replaced')
    this.#dtls = channel
    this.host.dtlsUp(this, channel)
  }
  record(channel: FakeDtls, type: number, payload: Buffer): void {
    if (this.#down || channel !== this.#dtls) return
    this.host.count('dtlsRxRecords')
    this.#heard = performance.now()
    if (type === FRAME.data) this.#inner(payload, true)
    else if (type === FRAME.dpdRequest) {
      this.host.count('dpdReceived')
      this.#sendDtls(channel, FRAME.dpdResponse, payload)
    } else if (type !== FRAME.dpdResponse && type !== FRAME.keepalive) {
      this.host.count('unknownFrames')
      return
    }
    if (type !== FRAME.dpdRequest || payload.length < PROBE) this.#overDtls = true
  }
  dtlsEnded(channel: FakeDtls, reason: DtlsDownReason): void {
    if (channel === this.#dtls) this.endDtls(reason)
  }
  endDtls(reason: DtlsDownReason): void {
    if (!this.#dtls) return
    this.#dropDtls()
    this.host.dtlsDown(this, reason)
  }
  get hasDtls(): boolean {
    return this.#dtls !== undefined
  }

  /** A packet from the TUN side; false when the client does not read. */
  toClient(packet: Buffer): boolean {
    const source = parsePacket(packet)?.source ?? ''
    if (this.spec.filter && (!passesDown(this.spec.filter, source) || this.#apart(source))) {
      this.host.count('filtered')
      return false
    }
    if (this.#overDtls && this.#dtls) {
      this.#counts.txPackets++
      this.#counts.txBytes += BigInt(packet.length)
      this.#counts.dtlsTxPackets++
      this.#counts.dtlsTxBytes += BigInt(packet.length)
      this.#sendDtls(this.#dtls, FRAME.data, packet)
      return true
    }
    if (this.client.holding) {
      this.#counts.txDropped++
      this.host.count('txDropped')
      return false
    }
    this.#counts.txPackets++
    this.#counts.txBytes += BigInt(packet.length)
    this.#send(FRAME.data, packet)
    return true
  }
  drop(how: DropHow, text: string): void {
    if (how === 'disconnect') this.#send(FRAME.disconnect, Buffer.concat([Buffer.from([1]), Buffer.from(text).subarray(0, 256)]))
    if (how === 'terminate') this.#send(FRAME.terminate, Buffer.from(text).subarray(0, 256))
    this.close(how === 'close' ? 'superseded' : 'dropped')
  }
  close(reason: TunnelDownReason, detail: Uint8Array = Buffer.alloc(0)): void {
    if (this.#down) return
    this.#down = true
    this.#dropDtls()
    this.client.attach(undefined)
    this.client.deliverFin()
    this.host.down(this, reason, Buffer.from(detail))
  }
  counters(): TunnelCounters {
    const now = performance.now()
    const words = { ...this.#counts, silentMs: BigInt(Math.round(now - this.#heard)), inactiveMs: BigInt(Math.round(now - this.#active)) }
    return Object.fromEntries(TUNNEL_COUNTERS.map((name) => [name, words[name]])) as unknown as TunnelCounters
  }

  #inner(packet: Buffer, overDtls = false): void {
    if (packet.length === 0) return
    const parsed = parsePacket(packet)
    if (parsed === undefined) return this.#refuse('rxInvalid')
    if (!this.addresses().includes(parsed.source) && lengthBehind(this.spec, parsed.source) === undefined) return this.#refuse('rxSpoofed')
    this.#active = performance.now()
    this.#counts.rxPackets++
    this.#counts.rxBytes += BigInt(packet.length)
    if (overDtls) {
      this.#counts.dtlsRxPackets++
      this.#counts.dtlsRxBytes += BigInt(packet.length)
    }
    if (this.spec.filter && (!passesUp(this.spec.filter, packet, parsed.destination) || this.#apart(parsed.destination))) this.host.count('filtered')
    else this.host.toTun(packet)
  }
  #apart(other: string): boolean {
    return this.spec.filter?.apart === true && this.host.routed(other)
  }
  #refuse(why: 'rxInvalid' | 'rxSpoofed'): void {
    this.#counts[why]++
    this.host.count(why)
  }
  #dropDtls(): void {
    if (this.#dtls) this.#dtls.closed = true
    this.#dtls = undefined
    this.#overDtls = false
  }
  #sendDtls(channel: FakeDtls, type: number, payload: Uint8Array): void {
    this.host.count('dtlsTxRecords')
    channel.deliver(type, payload)
  }
  #send(type: number, payload: Uint8Array): void {
    this.host.count('cstpTxFrames')
    this.client.deliver(frame(type, payload))
  }
}
