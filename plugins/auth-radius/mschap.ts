import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { md4 } from './md4.ts'

/** MS-CHAPv2 (RFC 2759), passwords as UTF-16. Names go in without the domain in front of a backslash. */
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')
const sha1 = (...parts: readonly (Uint8Array | string)[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash('sha1')).digest()
/** Longest password that can be changed to, in UTF-16 units. */
export const MAX_NEW_PASSWORD = 256

export const ntHash = (password: string): Buffer => md4(utf16(password))
export const withoutDomain = (user: string): string => user.slice(user.lastIndexOf('\\') + 1)
const challengeHash = (peer: Uint8Array, authenticator: Uint8Array, user: string): Buffer => sha1(peer, authenticator, withoutDomain(user)).subarray(0, 8)

/** One block of single DES with a key of 7 bytes: triple DES of three equal keys, which OpenSSL 3 still has. */
function des(block: Uint8Array, key: Uint8Array): Buffer {
  const bits = [...key].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const eight = Buffer.from(Array.from({ length: 8 }, (_, at) => parseInt(bits.slice(7 * at, 7 * at + 7), 2) << 1))
  return createCipheriv('des-ede3-ecb', Buffer.concat([eight, eight, eight]), null).setAutoPadding(false).update(block)
}

/** The 24 bytes that answer both challenges (16 bytes each). */
export function ntResponse(authenticator: Uint8Array, peer: Uint8Array, user: string, hash: Uint8Array): Buffer {
  const challenge = challengeHash(peer, authenticator, user)
  const key = Buffer.alloc(21)
  key.set(hash)
  return Buffer.concat([0, 7, 14].map((at) => des(challenge, key.subarray(at, at + 7))))
}

/** `S=` and 40 hex digits, with which the server shows that it knows the password too (RFC 2759 section 8.7). */
export function authenticatorResponse(hash: Uint8Array, response: Uint8Array, authenticator: Uint8Array, peer: Uint8Array, user: string): string {
  const inner = sha1(md4(hash), response, 'Magic server to client signing constant')
  return `S=${sha1(inner, challengeHash(peer, authenticator, user), 'Pad to make it do more than one iteration').toString('hex').toUpperCase()}`
}

/** RC4, which OpenSSL 3 no longer has; the same both ways. */
export function rc4(key: Uint8Array, data: Uint8Array): Buffer {
  const box = Uint8Array.from({ length: 256 }, (_, at) => at)
  const swap = (a: number, b: number): void => void ([box[a], box[b]] = [box[b] ?? 0, box[a] ?? 0])
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + (box[i] ?? 0) + (key[i % key.length] ?? 0)) & 0xff
    swap(i, j)
  }
  let [i, j] = [0, 0]
  return Buffer.from(data.map((byte) => {
    i = (i + 1) & 0xff
    j = (j + (box[i] ?? 0)) & 0xff
    swap(i, j)
    return byte ^ (box[((box[i] ?? 0) + (box[j] ?? 0)) & 0xff] ?? 0)
  }))
}

/** The new password, sealed with the old one's hash: 516 bytes (RFC 2759 section 8.9). Throws RangeError beyond 256 units. */
export function sealedPassword(password: string, oldHash: Uint8Array, noise: Uint8Array = randomBytes(512)): Buffer {
  const text = utf16(password)
  if (text.length > 2 * MAX_NEW_PASSWORD) throw new RangeError(`a password of ${text.length / 2} characters`)
  const block = Buffer.alloc(516)
  block.set(noise)
  block.set(text, 512 - text.length)
  block.writeUInt32LE(text.length, 512)
  return rc4(oldHash, block)
}
/** The old hash, sealed with the new one (RFC 2759 section 8.12). */
export const sealedHash = (oldHash: Uint8Array, newHash: Uint8Array): Buffer =>
  Buffer.concat([des(oldHash.subarray(0, 8), newHash.subarray(0, 7)), des(oldHash.subarray(8, 16), newHash.subarray(7, 14))])

export interface MsChapError {
  /** 646 hours, 647 disabled, 648 password expired, 649 no dial-in, 691 wrong, 709 the change was refused. */
  readonly code: number
  /** For the next try. */
  readonly challenge: Buffer | undefined
  readonly message: string | undefined
}
/** `E=648 R=0 C=... V=3 M=...`, behind a byte of id. */
export function readMsChapError(value: Buffer): MsChapError | undefined {
  const text = value.subarray(1).toString('latin1')
  const code = /E=(\d{1,9})/.exec(text)?.[1]
  if (code === undefined) return undefined
  const challenge = /C=([0-9a-fA-F]{32})\b/.exec(text)?.[1]
  return { code: Number(code), challenge: challenge === undefined ? undefined : Buffer.from(challenge, 'hex'), message: /M=(.*)$/s.exec(text)?.[1] }
}
