/** CSTP frames (reference protocol section 8) and the few facts of an inner packet that the fake data plane needs. */
export const FRAME = { data: 0, dpdRequest: 3, dpdResponse: 4, disconnect: 5, keepalive: 7, compressed: 8, terminate: 9 } as const

export interface Frame {
  readonly type: number
  readonly payload: Buffer
}

const MAGIC = Buffer.from([0x53, 0x54, 0x46, 0x01])
const HEADER = 8
const MAX_PAYLOAD = 16384 - HEADER

export function frame(type: number, payload: Uint8Array | string = ''): Buffer {
  const body = Buffer.from(payload as Uint8Array)
  const header = Buffer.alloc(HEADER)
  MAGIC.copy(header)
  header.writeUInt16BE(body.length, 4)
  header[6] = type
  return Buffer.concat([header, body])
}

/** Whole frames at the front of `bytes` and what is left; `broken` after a violation (the FRAME_OUT_OF_SYNC class). */
export function takeFrames(bytes: Buffer): { readonly frames: Frame[]; readonly rest: Buffer; readonly broken: boolean } {
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= HEADER) {
    const length = bytes.readUInt16BE(at + 4)
    if (!bytes.subarray(at, at + 4).equals(MAGIC) || bytes[at + 7] !== 0 || length > MAX_PAYLOAD) return { frames, rest: Buffer.alloc(0), broken: true }
    if (bytes.length - at < HEADER + length) break
    frames.push({ type: bytes[at + 6] ?? 0, payload: bytes.subarray(at + HEADER, at + HEADER + length) })
    at += HEADER + length
  }
  return { frames, rest: bytes.subarray(at), broken: false }
}

/** One spelling for an address, as `URL` writes it. */
export const canonical = (address: string): string => (address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address)

/** undefined: not IPv4 or IPv6, or the header's length is not that of the packet. */
export function parsePacket(packet: Buffer): { readonly source: string; readonly destination: string } | undefined {
  const version = (packet[0] ?? 0) >> 4
  if (version === 4 && packet.length >= 20 && packet.readUInt16BE(2) === packet.length) {
    return { source: packet.subarray(12, 16).join('.'), destination: packet.subarray(16, 20).join('.') }
  }
  if (version === 6 && packet.length >= 40 && packet.readUInt16BE(4) + 40 === packet.length) {
    const text = (at: number): string => canonical(packet.subarray(at, at + 16).toString('hex').replace(/(.{4})(?=.)/g, '$1:'))
    return { source: text(8), destination: text(24) }
  }
  return undefined
}

/** A UDP-less IPv4 or IPv6 packet for tests: header, then `payload`. Checksums are left zero. */
export function packet(source: string, destination: string, payload: Uint8Array | string = ''): Buffer {
  const body = Buffer.from(payload as Uint8Array)
  if (source.includes(':')) {
    const header = Buffer.alloc(40)
    header[0] = 0x60
    header.writeUInt16BE(body.length, 4)
    header[6] = 59 // no next header
    header[7] = 64
    bytesOf6(source).copy(header, 8)
    bytesOf6(destination).copy(header, 24)
    return Buffer.concat([header, body])
  }
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + body.length, 2)
  header[8] = 64
  header[9] = 253 // RFC 3692 experiment
  Buffer.from(source.split('.').map(Number)).copy(header, 12)
  Buffer.from(destination.split('.').map(Number)).copy(header, 16)
  return Buffer.concat([header, body])
}

function bytesOf6(address: string): Buffer {
  const [front = '', back] = canonical(address).split('::')
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : [])
  const left = groups(front)
  const right = groups(back)
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
