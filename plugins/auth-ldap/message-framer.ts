import { FramingError, headerAt } from './ber.ts'

const MAX_MESSAGE = 256 * 1024
const SEQUENCE = 0x30

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
  if (bytes.length > 0 && bytes[0] !== SEQUENCE) throw new FramingError('what came is no LDAP')
  const length = headerAt(bytes, 0)?.end
  if (length !== undefined && length > MAX_MESSAGE) throw new FramingError(`a message of ${length} bytes`)
  return length
}
