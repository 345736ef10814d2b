import type { ConnectionHandle, ConnectionInfo, DataPlaneHandler, DtlsDownReason, ListenAddress, TunnelDown, TunnelHandle } from '../../core/dataplane.ts'

export async function until(condition: () => boolean, what: string, limitMs = 8000): Promise<void> {
  const end = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain: ${what}`)
    await new Promise((done) => setTimeout(done, 2))
  }
}
export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** What the data plane told about one connection. */
export interface Seen {
  readonly info: ConnectionInfo
  readonly chunks: Buffer[]
  lastSeq: number
  ends: number
  closed: 'no' | 'closed' | 'failed'
  flushed: number
}

/** A handler that writes down everything and by default grants every chunk. */
export class Recorder implements DataPlaneHandler {
  readonly connections = new Map<ConnectionHandle, Seen>()
  readonly up: TunnelHandle[] = []
  readonly down = new Map<TunnelHandle, TunnelDown[]>()
  /** Ups (the suite) and downs (the reason) of the DTLS channels, in order. */
  readonly dtls: (readonly [tunnel: TunnelHandle, what: 'up' | 'down', text: string])[] = []
  readonly order: string[] = []
  /** Asked for each chunk; true grants the next. */
  onData: (handle: ConnectionHandle, seq: number, bytes: Buffer) => boolean = () => true
  onConnection: (info: ConnectionInfo) => void = () => undefined
  grant: (handle: ConnectionHandle, seq: number) => void = () => undefined

  connection(info: ConnectionInfo): void {
    this.order.push(`connection ${info.handle}`)
    this.connections.set(info.handle, { info, chunks: [], lastSeq: 0, ends: 0, closed: 'no', flushed: 0 })
    this.onConnection(info)
  }
  data(handle: ConnectionHandle, seq: number, bytes: Uint8Array): void {
    const copy = Buffer.from(bytes)
    const seen = this.connections.get(handle)
    if (seen === undefined) return
    seen.chunks.push(copy)
    seen.lastSeq = seq
    if (this.onData(handle, seq, copy)) this.grant(handle, seq)
  }
  end(handle: ConnectionHandle): void {
    this.order.push(`end ${handle}`)
    this.seen(handle).ends++
  }
  closed(handle: ConnectionHandle, failed: boolean): void {
    this.order.push(`closed ${handle}`)
    this.seen(handle).closed = failed ? 'failed' : 'closed'
  }
  flushed(handle: ConnectionHandle): void {
    this.seen(handle).flushed++
  }
  tunnelUp(tunnel: TunnelHandle): void {
    this.order.push(`up ${tunnel}`)
    this.up.push(tunnel)
  }
  tunnelDown(tunnel: TunnelHandle, down: TunnelDown): void {
    this.order.push(`down ${tunnel}`)
    this.down.set(tunnel, [...(this.down.get(tunnel) ?? []), down])
  }
  dtlsUp(tunnel: TunnelHandle, cipher: string, former: boolean): void {
    this.order.push(`dtls up ${tunnel}${former ? ' former' : ''}`)
    this.dtls.push([tunnel, 'up', cipher])
  }
  dtlsDown(tunnel: TunnelHandle, reason: DtlsDownReason): void {
    this.order.push(`dtls down ${tunnel} ${reason}`)
    this.dtls.push([tunnel, 'down', reason])
  }
  roamed(tunnel: TunnelHandle, { address, port }: ListenAddress): void {
    this.order.push(`roamed ${tunnel} ${address} ${port}`)
  }
  silence(tunnel: TunnelHandle, seconds: number, survived: boolean): void {
    this.order.push(`silence ${tunnel} ${seconds} ${survived}`)
  }
  pathMtu(tunnel: TunnelHandle, mtu: number): void {
    this.order.push(`mtu ${tunnel} ${mtu}`)
  }

  seen(handle: ConnectionHandle): Seen {
    const seen = this.connections.get(handle)
    if (seen === undefined) throw new Error(`connection ${handle} was never announced`)
    return seen
  }
  bytes(handle: ConnectionHandle): Buffer {
    return Buffer.concat(this.seen(handle).chunks)
  }
  /** The newest connection. */
  last(): Seen {
    const seen = [...this.connections.values()].at(-1)
    if (seen === undefined) throw new Error('no connection was announced')
    return seen
  }
}
