import { createHash, timingSafeEqual } from 'node:crypto'
import { messageAuthenticator, MESSAGE_AUTHENTICATOR } from './message-authenticator.ts'

/** Codes of RFC 2865, 2866, 5997 and 5176. */
export const CODE = {
  accessRequest: 1, accessAccept: 2, accessReject: 3, accountingRequest: 4, accountingResponse: 5, accessChallenge: 11, statusServer: 12,
  disconnectRequest: 40, disconnectAck: 41, disconnectNak: 42, coaRequest: 43, coaAck: 44, coaNak: 45,
} as const
export const HEADER = 20
/** Largest packet (RFC 2865 section 3). */
export const MAX_PACKET = 4096
/** More in one packet is nothing that a server sends. */
export const MAX_ATTRIBUTES = 400
const AUTHENTICATOR = 16
const DIGEST_AT = 4

/** As on the wire; of vendors' attributes type 26 with all that is in it. */
export interface Attribute {
  readonly type: number
  /** 0 to 253 bytes. */
  readonly value: Buffer
}
export interface Packet {
  readonly code: number
  readonly id: number
  readonly authenticator: Buffer
  readonly attributes: readonly Attribute[]
  /** As received, without what lies behind its length. */
  readonly bytes: Buffer
}

/** Undefined for what is no packet: lengths that do not add up, too long, too many attributes. What is behind its length is padding (RFC 2865 section 3). */
export function decodePacket(datagram: Uint8Array): Packet | undefined {
  const all = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  if (all.length < HEADER) return undefined
  const length = all.readUInt16BE(2)
  if (length < HEADER || length > MAX_PACKET || length > all.length) return undefined
  const bytes = Buffer.from(all.subarray(0, length))
  const attributes: Attribute[] = []
  for (let at = HEADER; at < length;) {
    const size = at + 1 < length ? bytes.readUInt8(at + 1) : 0
    if (size < 2 || at + size > length || attributes.length === MAX_ATTRIBUTES) return undefined
    attributes.push({ type: bytes.readUInt8(at), value: bytes.subarray(at + 2, at + size) })
    at += size
  }
  return { code: bytes.readUInt8(0), id: bytes.readUInt8(1), authenticator: bytes.subarray(DIGEST_AT, HEADER), attributes, bytes }
}

/** Throws RangeError when an attribute is longer than 253 bytes or the whole longer than 4096. */
function assemble(code: number, id: number, authenticator: Uint8Array, attributes: readonly Attribute[]): Buffer {
  const length = attributes.reduce((sum, { value }) => sum + 2 + value.length, HEADER)
  if (length > MAX_PACKET) throw new RangeError(`a packet of ${length} bytes`)
  const bytes = Buffer.alloc(length)
  bytes.set([code, id, length >> 8, length & 0xff])
  bytes.set(authenticator, DIGEST_AT)
  let at = HEADER
  for (const { type, value } of attributes) {
    if (value.length > 253) throw new RangeError(`an attribute ${type} of ${value.length} bytes`)
    bytes.set([type, value.length + 2], at)
    bytes.set(value, at + 2)
    at += value.length + 2
  }
  return bytes
}
const ZEROS = Buffer.alloc(AUTHENTICATOR)
const placeholder: Attribute = { type: MESSAGE_AUTHENTICATOR, value: ZEROS }
const digest = (bytes: Buffer, secret: Uint8Array): Buffer => createHash('md5').update(bytes).update(secret).digest()

/** Whether the authenticator of a request is random; of the others it is a digest of the packet. */
export const isRandom = (code: number): boolean => code === CODE.accessRequest || code === CODE.statusServer

export interface RequestParts {
  readonly code: number
  readonly id: number
  /** Random, for Access-Request and Status-Server, which hide passwords with it. */
  readonly authenticator?: Uint8Array
  readonly attributes: readonly Attribute[]
  /** Message-Authenticator in front; left to false only accounting goes without. */
  readonly signed?: boolean
}

/** With Message-Authenticator in front, as CVE-2024-3596 demands; not in accounting, whose authenticator is a digest. */
export function encodeRequest({ code, id, authenticator, attributes, signed }: RequestParts, secret: Uint8Array): Buffer {
  const random = isRandom(code)
  const sign = signed ?? code !== CODE.accountingRequest
  const bytes = assemble(code, id, (random && authenticator) || ZEROS, sign ? [placeholder, ...attributes] : attributes)
  if (random && !authenticator) throw new RangeError('a random authenticator is missing')
  if (sign) bytes.set(messageAuthenticator(bytes, HEADER + 2, secret), HEADER + 2)
  if (!random) bytes.set(digest(bytes, secret), DIGEST_AT)
  return bytes
}

export interface ResponseParts {
  readonly code: number
  readonly attributes: readonly Attribute[]
  readonly signed?: boolean
}
/** The answer to a request, with Message-Authenticator in front unless `signed` is false. */
export function encodeResponse(request: Pick<Packet, 'id' | 'authenticator'>, { code, attributes, signed = true }: ResponseParts, secret: Uint8Array): Buffer {
  const bytes = assemble(code, request.id, request.authenticator, signed ? [placeholder, ...attributes] : attributes)
  if (signed) bytes.set(messageAuthenticator(bytes, HEADER + 2, secret), HEADER + 2)
  bytes.set(digest(bytes, secret), DIGEST_AT)
  return bytes
}

/** `signed`: with a Message-Authenticator that is right; `plain`: without one; undefined: not from who knows the secret. */
export type Proof = 'signed' | 'plain' | undefined

/** Whether a packet answers the request with this authenticator, in constant time. The id is the caller's to compare. */
export function proveResponse(packet: Packet, requestAuthenticator: Uint8Array, secret: Uint8Array): Proof {
  const bytes = Buffer.from(packet.bytes)
  bytes.set(requestAuthenticator, DIGEST_AT)
  return prove(packet, bytes, secret)
}

/** Whether a request whose authenticator is a digest (accounting, CoA, Disconnect) is of somebody with the secret. */
export function proveRequest(packet: Packet, secret: Uint8Array): Proof {
  const bytes = Buffer.from(packet.bytes)
  bytes.set(ZEROS, DIGEST_AT)
  return prove(packet, bytes, secret)
}

/** `bytes` is the packet with the authenticator that went into the digest. */
function prove(packet: Packet, bytes: Buffer, secret: Uint8Array): Proof {
  if (!timingSafeEqual(digest(bytes, secret), packet.authenticator)) return undefined
  return signatureOf(packet, bytes, secret)
}

/** Of Access-Request and Status-Server, where the Message-Authenticator is all the proof there is. */
export const proveRandomRequest = (packet: Packet, secret: Uint8Array): Proof => signatureOf(packet, packet.bytes, secret)

function signatureOf(packet: Packet, bytes: Buffer, secret: Uint8Array): Proof {
  const signatures = packet.attributes.filter(({ type }) => type === MESSAGE_AUTHENTICATOR)
  const [signature] = signatures
  if (!signature) return 'plain'
  if (signatures.length > 1 || signature.value.length !== AUTHENTICATOR) return undefined
  const right = messageAuthenticator(bytes, signature.value.byteOffset - packet.bytes.byteOffset, secret)
  return timingSafeEqual(right, signature.value) ? 'signed' : undefined
}
