import type { ConnectionHandle, DataPlaneHandler, Promotion } from '../core/dataplane.ts'
import type { FakeClient, GatewayEnd } from './fake_client.ts'

const CHUNK = 16384

/** What a fake connection needs of its data plane. */
export interface ConnectionHost {
  post(kind: 'connection' | 'data' | 'end' | 'closed' | 'flushed', handle: ConnectionHandle, deliver: (handler: DataPlaneHandler) => void): void
  forget(handle: ConnectionHandle): void
}

/** The states of border section 5 from `granted` on, without TLS. */
export class FakeConnection implements GatewayEnd {
  #state: 'granted' | 'waiting' | 'closing' | 'gone' = 'granted'
  #inbound: Buffer = Buffer.alloc(0)
  #peerFin = false
  #endPosted = false
  #seq = 0
  #retained: Buffer = Buffer.alloc(0)
  #notify = false

  constructor(readonly handle: ConnectionHandle, readonly client: FakeClient, private readonly host: ConnectionHost) {
    client.attach(this)
  }

  bytes(chunk: Buffer): void {
    if (this.#state === 'closing' || this.#state === 'gone') return
    this.#inbound = Buffer.concat([this.#inbound, chunk])
    this.#read()
  }
  fin(): void {
    this.#peerFin = true
    if (this.#state === 'closing') {
      if (this.client.ended) this.#close(false)
    } else this.#read()
  }
  rst(): void {
    this.#close(true)
  }
  drained(): void {
    if (!this.#notify) return
    this.#notify = false
    this.host.post('flushed', this.handle, (handler) => handler.flushed(this.handle))
  }

  grant(seq: number): void {
    if (this.#state !== 'waiting' || seq !== this.#seq) return
    this.#retained.fill(0)
    this.#retained = Buffer.alloc(0)
    this.#state = 'granted'
    this.#read()
  }
  write(bytes: Uint8Array, notify: boolean): void {
    if (this.#state === 'closing' || this.#state === 'gone') return
    this.client.deliver(bytes)
    this.#notify ||= notify
    if (!this.client.holding) this.drained()
  }
  end(): void {
    if (this.#state === 'closing' || this.#state === 'gone') return
    this.#state = 'closing'
    this.client.deliverFin()
    if (this.#peerFin && this.client.ended) this.#close(false)
  }
  destroy(reset: boolean): void {
    if (this.#state === 'gone') return
    this.#close(false)
    if (reset) this.client.deliverReset()
    else this.client.deliverFin()
  }
  /** The bytes the tunnel starts with, or undefined when it is too late. */
  promote({ early, seen }: Promotion): Buffer | undefined {
    if (this.#state === 'closing' || this.#state === 'gone') return undefined
    const missing = seen < this.#seq ? this.#retained : Buffer.alloc(0)
    this.#state = 'gone'
    this.client.attach(undefined)
    this.host.forget(this.handle)
    return Buffer.concat([early, missing, this.#inbound])
  }
  stop(): void {
    if (this.#state === 'gone') return
    this.#close(false)
    this.client.deliverFin()
  }

  #read(): void {
    if (this.#state !== 'granted' && !(this.#state === 'waiting' && this.#inbound.length === 0)) return
    if (this.#inbound.length > 0) {
      const seq = ++this.#seq
      this.#retained = Buffer.from(this.#inbound.subarray(0, CHUNK))
      this.#inbound = this.#inbound.subarray(this.#retained.length)
      this.#state = 'waiting'
      const bytes = Buffer.from(this.#retained)
      this.host.post('data', this.handle, (handler) => {
        try {
          handler.data(this.handle, seq, bytes)
        } finally {
          bytes.fill(0)
        }
      })
    }
    if (this.#peerFin && this.#inbound.length === 0 && !this.#endPosted) {
      this.#endPosted = true
      this.host.post('end', this.handle, (handler) => handler.end(this.handle))
    }
  }
  #close(failed: boolean): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.client.attach(undefined)
    this.host.forget(this.handle)
    this.host.post('closed', this.handle, (handler) => handler.closed(this.handle, failed))
  }
}
