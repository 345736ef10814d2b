import type { ConnectionHandle, DataPlane } from '../../core/api.ts'

/** Bytes handed down and not known to have left, beyond which nothing more goes before the client has read. */
export const OUTSTANDING_BYTES = 64 * 1024

/** What a connection has to say, in pieces as fast as its client reads. */
export class Outbox {
  private outstanding = 0
  private waiting = false
  private rest: Uint8Array = new Uint8Array()

  constructor(
    private readonly plane: Pick<DataPlane, 'write'>,
    private readonly handle: ConnectionHandle,
  ) {}

  /** Nothing waits for the client. */
  get empty(): boolean {
    return !this.waiting
  }

  /** Only while `empty`. */
  send(bytes: Uint8Array): void {
    this.rest = bytes
    while (!this.waiting && this.rest.length > 0) {
      const part = this.rest.subarray(0, OUTSTANDING_BYTES)
      this.rest = this.rest.subarray(part.length)
      this.outstanding += part.length
      // Set before the call: the answer may come within it.
      this.waiting = this.outstanding > OUTSTANDING_BYTES
      this.plane.write(this.handle, part, this.waiting)
    }
  }

  /** The data plane has sent all it was given. */
  flushed(): void {
    this.outstanding = 0
    this.waiting = false
    this.send(this.rest)
  }
}
