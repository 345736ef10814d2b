import { ChunkedBody } from './chunked-body.ts'
import { REQUEST_LIMITS } from './request-guard.ts'
import type { Refusal } from './request-head.ts'

const TOO_LONG: Refusal = { status: 413, reason: 'body too long' }
const CROWDED: Refusal = { status: 503, reason: 'too many bodies at once' }
const MALFORMED: Refusal = { status: 400, reason: 'malformed chunks' }

/**
 * The room for all bodies under way, 32 MiB. Beyond it only small ones go on, so that nobody's long bodies keep a login
 * out: a login fits in a small one.
 */
export class BodyRoom {
  /** Bytes of bodies that are not wiped yet. */
  held = 0
  constructor(readonly bytes: number = REQUEST_LIMITS.allBodiesBytes) {}
}

/** The body of one request, of known length or chunked, at most 256 KiB. */
export class RequestBody {
  private readonly chunked: ChunkedBody | undefined
  /** With room for more where the end is not known. */
  private kept = Buffer.alloc(0)
  private length = 0

  constructor(
    private readonly framing: number | 'chunked',
    private readonly room: BodyRoom,
  ) {
    this.chunked = framing === 'chunked' ? new ChunkedBody() : undefined
  }

  get complete(): boolean {
    return this.chunked ? this.chunked.done : this.length === this.framing
  }

  /** All of it so far; good until `wipe`. */
  get bytes(): Buffer {
    return this.kept.subarray(0, this.length)
  }

  /** Takes what belongs to the body, copied, and gives what is behind it. */
  push(bytes: Uint8Array): Uint8Array | Refusal {
    const rest = this.chunked ? this.chunked.push(bytes, (content) => this.keep(content)) : this.keepMissing(bytes)
    if (rest === undefined) return MALFORMED
    if (this.length > REQUEST_LIMITS.bodyBytes) return TOO_LONG
    if (this.room.held > this.room.bytes && this.length > REQUEST_LIMITS.smallBodyBytes) return CROWDED
    return rest
  }

  /** Overwrites it, because bodies hold passwords, and gives the room back. */
  wipe(): void {
    this.kept.fill(0)
    this.room.held -= this.length
    this.length = 0
  }

  private keepMissing(bytes: Uint8Array): Uint8Array {
    const missing = Number(this.framing) - this.length
    this.keep(bytes.subarray(0, missing))
    return bytes.subarray(missing)
  }

  private keep(content: Uint8Array): void {
    const length = this.length + content.length
    if (length > this.kept.length) {
      const grown = Buffer.allocUnsafe(this.length === 0 ? length : 2 * length)
      this.kept.copy(grown, 0, 0, this.length)
      this.kept.fill(0)
      this.kept = grown
    }
    this.kept.set(content, this.length)
    this.length = length
    this.room.held += content.length
  }
}
