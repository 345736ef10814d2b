import { REQUEST_LIMITS } from './request-guard.ts'
import { parseRequestHead, REQUEST_LINE, type Refusal, type RequestHead } from './request-head.ts'

/** What no head can hold, complete or not: a bare CR or LF, another control character. */
const BROKEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|$)/
const MALFORMED: Refusal = { status: 400, reason: 'malformed head' }
const TOO_LONG: Refusal = { status: 431, reason: 'head too long' }

export interface HeadRead {
  readonly head: RequestHead
  /** What came behind it, a part of the last chunk. */
  readonly rest: Uint8Array
}

/**
 * Cuts heads out of a connection's bytes, in whatever pieces they come. What cannot become a head is refused when it is
 * seen, not when its end has come.
 */
export class HeadReader {
  /** Bytes of a head that is not complete, in a buffer with room for more. */
  private kept = Buffer.alloc(0)
  private length = 0
  private lineChecked = false

  /** No byte of a request has come since the last one. */
  get empty(): boolean {
    return this.length === 0
  }

  /** `chunk` may die with the call. undefined: more is needed. */
  push(chunk: Uint8Array): HeadRead | Refusal | undefined {
    const seen = this.length
    const bytes = seen === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : this.append(chunk)
    // A line end in front of a request is what some clients leave behind their last body (RFC 9112 section 2.2).
    let start = 0
    while (bytes[start] === 0x0d && bytes[start + 1] === 0x0a) start += 2
    const end = bytes.indexOf('\r\n\r\n', Math.max(start, seen - 3), 'latin1')
    if ((end < 0 ? bytes.length : end + 4) - start > REQUEST_LIMITS.headBytes || start > REQUEST_LIMITS.headBytes) return TOO_LONG
    if (end < 0) return this.wait(bytes, start, seen)
    const head = parseRequestHead(bytes.toString('latin1', start, end))
    const rest = chunk.subarray(end + 4 - seen)
    this.reset()
    return head ? { head, rest } : MALFORMED
  }

  private wait(bytes: Buffer, start: number, seen: number): Refusal | undefined {
    const looked = seen > 0 && bytes[seen - 1] === 0x0d ? seen - 1 : seen
    if (BROKEN.test(bytes.toString('latin1', Math.max(start, looked)))) return MALFORMED
    if (!this.lineChecked) {
      const lineEnd = bytes.indexOf('\r\n', start, 'latin1')
      this.lineChecked = lineEnd >= 0
      if (lineEnd >= 0 && !REQUEST_LINE.test(bytes.toString('latin1', start, lineEnd))) return MALFORMED
    }
    if (seen === 0) this.append(bytes)
    return undefined
  }

  /** All bytes since the head began. */
  private append(chunk: Uint8Array): Buffer {
    const length = this.length + chunk.length
    if (length > this.kept.length) {
      const grown = Buffer.allocUnsafe(Math.max(1024, 2 * length))
      this.kept.copy(grown, 0, 0, this.length)
      this.kept = grown
    }
    this.kept.set(chunk, this.length)
    this.length = length
    return this.kept.subarray(0, length)
  }

  private reset(): void {
    if (this.length === 0) return
    this.kept = Buffer.alloc(0)
    this.length = 0
    this.lineChecked = false
  }
}
