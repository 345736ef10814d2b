import type { Wire } from './wire.ts'

/** CSTP after the head of the CONNECT answer (reference/protocol section 8). */
export interface CstpFrame {
  readonly type: number
  readonly payload: Buffer
}
export const FRAME_TYPE = { data: 0, dpdRequest: 3, dpdResponse: 4, disconnect: 5, keepalive: 7, terminate: 9 } as const

export class CstpChannel {
  constructor(
    private readonly wire: Wire,
    private bytes: Buffer,
  ) {}

  send(type: number, payload: Uint8Array = new Uint8Array()): void {
    const head = Buffer.from([0x53, 0x54, 0x46, 0x01, payload.length >> 8, payload.length & 255, type, 0])
    this.wire.write(Buffer.concat([head, payload]))
  }
  /** Reason byte and text, then the connection ends: `b0` quits, `91` comes back. */
  bye(reason: number, text: string): void {
    this.send(FRAME_TYPE.disconnect, Buffer.concat([Buffer.from([reason]), Buffer.from(text)]))
    this.wire.close()
  }
  /** Checks magic and reserved byte as Cisco's client does; undefined after the end. */
  async receive(): Promise<CstpFrame | undefined> {
    for (;;) {
      if (this.bytes.length >= 8) {
        if (this.bytes.readUInt32BE(0) !== 0x53544601) throw new Error('FRAME_OUT_OF_SYNC')
        if (this.bytes[7] !== 0) throw new Error('BAD_RESERVED_FIELD')
        const length = this.bytes.readUInt16BE(4)
        if (this.bytes.length >= 8 + length) {
          const frame = { type: this.bytes[6] ?? 0, payload: this.bytes.subarray(8, 8 + length) }
          this.bytes = this.bytes.subarray(8 + length)
          return frame
        }
      }
      const next = await this.wire.read()
      if (!next) return undefined
      this.bytes = Buffer.concat([this.bytes, next])
    }
  }
}

const sum = (bytes: Buffer): number => {
  let total = 0
  for (let at = 0; at < bytes.length; at += 2) total += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return ~total & 0xffff
}

/** An ICMP echo request that a kernel answers. */
export function icmpEcho(source: string, target: string, sequence: number): Buffer {
  const icmp = Buffer.concat([Buffer.from([8, 0, 0, 0, 0x12, 0x34, sequence >> 8, sequence & 255]), Buffer.from('postern cisco script')])
  icmp.writeUInt16BE(sum(icmp), 2)
  const ip = Buffer.alloc(20)
  ip.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 1])
  ip.writeUInt16BE(20 + icmp.length, 2)
  ip.set(source.split('.').map(Number), 12)
  ip.set(target.split('.').map(Number), 16)
  ip.writeUInt16BE(sum(ip), 10)
  return Buffer.concat([ip, icmp])
}
