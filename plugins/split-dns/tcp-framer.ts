/** Pieces that are kept apart: each costs more than its bytes. */
const MAX_PIECES = 64

/** Messages out of a stream, each behind its length in two bytes (RFC 1035 section 4.2.2). */
export class Framer {
  private chunks: Buffer[] = []
  private length = 0

  constructor(private readonly limit: number) {}

  /** The complete ones; undefined when one is longer than the limit or empty, and nothing more is read. */
  push(chunk: Buffer): readonly Buffer[] | undefined {
    this.chunks.push(chunk)
    this.length += chunk.length
    if (this.chunks.length > MAX_PIECES) this.chunks = [Buffer.concat(this.chunks)]
    const messages: Buffer[] = []
    let size = this.next()
    // Joined only when a message is complete: byte by byte costs no copying each time.
    if (size !== undefined && size <= this.limit && this.length < 2 + size) return messages
    let rest = Buffer.concat(this.chunks)
    while (rest.length >= 2) {
      size = rest.readUInt16BE(0)
      if (size === 0 || size > this.limit) return undefined
      if (rest.length < 2 + size) break
      messages.push(rest.subarray(2, 2 + size))
      rest = rest.subarray(2 + size)
    }
    this.chunks = rest.length > 0 ? [rest] : []
    this.length = rest.length
    return messages
  }

  /** Length of the message that begins the stream. */
  private next(): number | undefined {
    const [first, second] = this.chunks
    if (!first || this.length < 2) return undefined
    return first.length >= 2 ? first.readUInt16BE(0) : ((first[0] ?? 0) << 8) | (second?.[0] ?? 0)
  }
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
