const MAX_MESSAGE = 256 * 1024
const SEQUENCE = 0x30

/** What a directory may not send. */
export class FramingError extends Error {}

/** Cuts whole LDAP messages (RFC 4511 section 4.1.1) of at most 256 KiB out of a stream. Looks at their outer length alone. */
export class MessageFramer {
  private rest: Buffer = Buffer.alloc(0)

  /** Bytes of a message that is not complete. */
  get waiting(): number {
    return this.rest.length
  }
  /** Throws FramingError. */
  push(chunk: Buffer): readonly Buffer[] {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    const messages: Buffer[] = []
    for (let length = messageLength(this.rest); length !== undefined && length <= this.rest.length; length = messageLength(this.rest)) {
      messages.push(this.rest.subarray(0, length))
      this.rest = this.rest.subarray(length)
    }
    return messages
  }
}

/** Header included; undefined while the header is not complete. */
function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length === 0) return undefined
  if (bytes[0] !== SEQUENCE) throw new FramingError('what came is no LDAP')
  const first = bytes[1]
  if (first === undefined) return undefined
  if (first < 0x80) return 2 + first
  const size = first & 0x7f
  if (size === 0 || size > 4) throw new FramingError('what came is no LDAP')
  if (bytes.length < 2 + size) return undefined
  const length = 2 + size + bytes.readUIntBE(2, size)
  if (length > MAX_MESSAGE) throw new FramingError(`a message of ${length} bytes`)
  return length
}
