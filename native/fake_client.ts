import type { ConnectionHandle } from '../core/dataplane.ts'
import { takeFrames } from './fake_frames.ts'
import type { Frame } from './fake_frames.ts'

/** The gateway's end of a fake connection: first the connection, after promotion the tunnel. */
export interface GatewayEnd {
  bytes(chunk: Buffer): void
  fin(): void
  rst(): void
  /** The client reads again and has taken everything. */
  drained(): void
}

const HEAD_END = '\r\n\r\n'

/** The peer's end of a connection to a `FakeDataPlane`; made by `fake.connect()`. */
export class FakeClient {
  #gateway: GatewayEnd | undefined
  readonly #received: Buffer[] = []
  readonly #held: Buffer[] = []
  #paused = false
  #finPending = false
  #listener: ((bytes: Buffer) => void) | undefined
  /** The gateway has closed its direction, or the connection is gone. */
  ended = false
  /** The gateway destroyed the connection with a reset. */
  wasReset = false
  /** This side sent FIN. */
  finished = false

  /** `channelBindings`: what both ends know of this connection alone. */
  constructor(readonly handle: ConnectionHandle, readonly halfOpen: boolean, readonly channelBindings: readonly Uint8Array[]) {}

  /** Bytes to the gateway; before promotion they arrive there in chunks of at most 16 KiB, one for each grant. */
  write(bytes: Uint8Array | string): void {
    if (!this.finished) this.#gateway?.bytes(Buffer.from(bytes as Uint8Array))
  }
  /** FIN; answers can still be read. */
  end(): void {
    if (this.finished) return
    this.finished = true
    this.#gateway?.fin()
  }
  reset(): void {
    this.finished = true
    this.ended = true
    this.#gateway?.rst()
  }
  /** Stops reading: what the gateway writes stays outstanding there, `flushed` waits. */
  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    for (const bytes of this.#held.splice(0)) this.#take(bytes)
    if (this.#finPending) this.#ended()
    this.#gateway?.drained()
  }
  /** Everything read so far: HTTP answers, and after the head of the CONNECT answer CSTP frames. */
  received(): Buffer {
    return Buffer.concat(this.#received)
  }
  /** The same, and forgets it. */
  take(): Buffer {
    const bytes = this.received()
    this.#received.length = 0
    return bytes
  }
  /** CSTP frames read so far, behind the first blank line when there is one. */
  frames(): readonly Frame[] {
    const bytes = this.received()
    const head = bytes.indexOf(HEAD_END)
    return takeFrames(head < 0 || bytes.subarray(0, 3).toString('latin1') === 'STF' ? bytes : bytes.subarray(head + HEAD_END.length)).frames
  }
  onData(listener: (bytes: Buffer) => void): void {
    this.#listener = listener
  }

  /** For the fake data plane. */
  attach(gateway: GatewayEnd | undefined): void {
    this.#gateway = gateway
  }
  get holding(): boolean {
    return this.#held.length > 0
  }
  deliver(bytes: Uint8Array): void {
    if (this.ended || bytes.length === 0) return
    const copy = Buffer.from(bytes)
    if (this.#paused) this.#held.push(copy)
    else this.#take(copy)
  }
  deliverFin(): void {
    if (this.#paused && this.#held.length > 0) this.#finPending = true
    else this.#ended()
  }
  deliverReset(): void {
    this.wasReset = true
    this.#ended()
  }
  #take(bytes: Buffer): void {
    this.#received.push(bytes)
    this.#listener?.(bytes)
  }
  #ended(): void {
    this.#finPending = false
    if (this.ended) return
    this.ended = true
    if (!this.halfOpen) this.end()
  }
}
