/** A line with the size of a chunk, its extension included, bytes. */
const SIZE_LINE_BYTES = 256
/** Six digits are more than any body may have. */
const SIZE_LINE = /^([0-9A-Fa-f]{1,6})[ \t]*(?:;[\t -~]*)?$/
const CRLF = '\r\n'

/** The chunked coding (RFC 9112 section 7.1), in whatever pieces it comes. Trailers are refused. */
export class ChunkedBody {
  private state: 'size' | 'data' | 'data-end' | 'last' | 'done' = 'size'
  private line = ''
  /** Bytes of the chunk that are to come. */
  private left = 0

  get done(): boolean {
    return this.state === 'done'
  }

  /** Hands the content to `take` and gives what is behind the body; undefined: malformed. */
  push(bytes: Uint8Array, take: (content: Uint8Array) => void): Uint8Array | undefined {
    let at = 0
    while (at < bytes.length && this.state !== 'done') {
      if (this.state === 'data') {
        const content = bytes.subarray(at, at + this.left)
        take(content)
        at += content.length
        this.left -= content.length
        if (this.left === 0) this.state = 'data-end'
      } else {
        this.line += String.fromCharCode(bytes[at++] ?? 0)
        if (this.line.endsWith(CRLF) ? !this.lineEnd() : !this.mayGoOn()) return undefined
      }
    }
    return bytes.subarray(at)
  }

  private mayGoOn(): boolean {
    return this.state === 'size' ? this.line.length <= SIZE_LINE_BYTES : CRLF.startsWith(this.line)
  }

  private lineEnd(): boolean {
    const text = this.line.slice(0, -CRLF.length)
    this.line = ''
    if (this.state !== 'size') {
      this.state = this.state === 'last' ? 'done' : 'size'
      return text === ''
    }
    const size = SIZE_LINE.exec(text)?.[1]
    if (size === undefined) return false
    this.left = parseInt(size, 16)
    this.state = this.left === 0 ? 'last' : 'data'
    return true
  }
}
