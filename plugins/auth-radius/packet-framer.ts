import { HEADER, MAX_PACKET } from './packet.ts'

/** Cuts a stream of TLS into packets by the length in their header (RFC 6614 section 2.1); holds less than one packet. */
export class PacketFramer {
  private rest: Buffer = Buffer.alloc(0)

  /** Complete packets; undefined when the stream is none of RADIUS, which is its end. */
  push(chunk: Buffer): readonly Buffer[] | undefined {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    const packets: Buffer[] = []
    while (bytes.length >= 4) {
      const length = bytes.readUInt16BE(2)
      if (length < HEADER || length > MAX_PACKET) return undefined
      if (bytes.length < length) break
      packets.push(bytes.subarray(0, length))
      bytes = bytes.subarray(length)
    }
    this.rest = Buffer.from(bytes)
    return packets
  }
}
