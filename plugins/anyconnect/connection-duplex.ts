import { Duplex } from 'node:stream'
import type { ConnectionInfo, DataPlane } from '../../core/api.ts'

/** What a connection needs of the data plane. */
export type ConnectionPlane = Pick<DataPlane, 'grant' | 'write' | 'end' | 'destroy'>

/** Bytes handed down and not yet known to have left, beyond which `_write` waits. */
export const OUTSTANDING_BYTES = 64 * 1024

/**
 * A decrypted connection before login as the stream that node's http expects (reference/border section 1). Reading is
 * stop-and-wait: the next chunk comes only after the grant of the last one, and from `hold()` on none is granted, so that
 * a promotion loses no byte. Without `_handle` on purpose: http must take its plain path.
 */
export class ConnectionDuplex extends Duplex {
  /** TLS: node's http asks for it. */
  readonly encrypted = true
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number

  /** Number of the last chunk that arrived. */
  private lastSeq = 0
  private ungranted: number | undefined
  private held = false
  private outstanding = 0
  private waitingWrite: (() => void) | undefined
  /** The data plane has been told to end, has closed, or has taken the connection over. */
  private finished = false
  private idleTimer: NodeJS.Timeout | undefined

  constructor(
    private readonly plane: ConnectionPlane,
    readonly info: ConnectionInfo,
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: 16 * 1024, writableHighWaterMark: 16 * 1024 })
    this.remoteAddress = info.peer.address
    this.remotePort = info.peer.port
    this.localAddress = info.local.address
    this.localPort = info.local.port
  }

  // --- from the data plane

  /** `bytes` is copied: it dies with the call. */
  receive(seq: number, bytes: Uint8Array): void {
    if (this.destroyed || this.readableEnded) return
    this.lastSeq = seq
    this.ungranted = seq
    this.idleTimer?.refresh()
    this.push(Buffer.from(bytes))
  }

  receiveEnd(): void {
    if (!this.destroyed && !this.held) this.push(null)
  }

  /** What was received and not read yet is still delivered. */
  receiveClosed(): void {
    this.finished = true
    this.completeWrite()
    if (this.held || this.readableLength === 0) this.destroy()
    else {
      this.once('end', () => this.destroy())
      this.push(null)
    }
  }

  receiveFlushed(): void {
    this.outstanding = 0
    this.completeWrite()
  }

  // --- promotion

  /** From now on nothing more is granted. Bytes that arrive nevertheless stay for `takeUnread`. */
  hold(): void {
    this.held = true
    this.setTimeout(0)
  }

  /** Everything received behind the CONNECT request, and the number of the last chunk seen. */
  takeUnread(head: Uint8Array): { readonly early: Uint8Array; readonly seen: number } {
    const parts: Uint8Array[] = [head]
    for (let bytes = this.read() as Buffer | null; bytes !== null; bytes = this.read() as Buffer | null) parts.push(bytes)
    return { early: Buffer.concat(parts), seen: this.lastSeq }
  }

  /** The data plane has it: this object goes without a word. */
  detach(): void {
    this.finished = true
    this.destroy()
  }

  // --- stream

  override _read(): void {
    if (this.held || this.ungranted === undefined || this.finished) return
    const seq = this.ungranted
    this.ungranted = undefined
    this.plane.grant(this.info.handle, seq)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.finished) {
      done()
      return
    }
    this.idleTimer?.refresh()
    this.outstanding += chunk.length
    const full = this.outstanding > OUTSTANDING_BYTES
    // Set before the call: the answer may come within it.
    if (full) this.waitingWrite = done
    this.plane.write(this.info.handle, chunk, full)
    if (!full) done()
  }

  // http corks head and body together: one record instead of two.
  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map((entry) => toBuffer(entry.chunk, entry.encoding))), 'binary', done)
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.finished) {
      this.finished = true
      this.plane.end(this.info.handle)
    }
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.setTimeout(0)
    this.waitingWrite = undefined
    if (!this.finished) {
      this.finished = true
      this.plane.destroy(this.info.handle, false)
    }
    done(error)
  }

  private completeWrite(): void {
    const done = this.waitingWrite
    this.waitingWrite = undefined
    done?.()
  }

  // --- what http expects of a socket

  /** Emits `timeout` after `ms` without bytes in or out; 0 switches it off. */
  setTimeout(ms: number, listener?: () => void): this {
    clearTimeout(this.idleTimer)
    this.idleTimer = undefined
    if (ms > 0 && !this.destroyed) {
      this.idleTimer = setTimeout(() => this.emit('timeout'), ms)
      this.idleTimer.unref()
    }
    if (listener) {
      if (ms > 0) this.once('timeout', listener)
      else this.removeListener('timeout', listener)
    }
    return this
  }

  /** Ends after everything written has been handed down. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy()
    else {
      this.once('finish', () => this.destroy())
      if (!this.writableEnded) this.end()
    }
  }

  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

const toBuffer = (chunk: Buffer | string, encoding: BufferEncoding): Buffer => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
