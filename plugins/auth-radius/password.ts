import { createHash } from 'node:crypto'

const BLOCK = 16
/** Longest password of User-Password (RFC 2865 section 5.2). */
export const MAX_PASSWORD = 128

/** User-Password as sent: padded with zeros, XORed with a chain of MD5 over secret and authenticator. Throws RangeError beyond 128 bytes. */
export function hidePassword(password: Uint8Array, authenticator: Uint8Array, secret: Uint8Array): Buffer {
  if (password.length > MAX_PASSWORD) throw new RangeError(`a password of ${password.length} bytes`)
  const hidden = Buffer.alloc(Math.max(BLOCK, Math.ceil(password.length / BLOCK) * BLOCK))
  hidden.set(password)
  let before = authenticator
  for (let at = 0; at < hidden.length; at += BLOCK) {
    const pad = createHash('md5').update(secret).update(before).digest()
    for (let i = 0; i < BLOCK; i++) hidden.writeUInt8(hidden.readUInt8(at + i) ^ pad.readUInt8(i), at + i)
    before = hidden.subarray(at, at + BLOCK)
  }
  return hidden
}

/** What the other side reads, without the zeros behind; undefined for a value of another length. */
export function revealPassword(hidden: Uint8Array, authenticator: Uint8Array, secret: Uint8Array): Buffer | undefined {
  if (hidden.length === 0 || hidden.length % BLOCK !== 0 || hidden.length > MAX_PASSWORD) return undefined
  const plain = Buffer.from(hidden)
  for (let at = 0; at < plain.length; at += BLOCK) {
    const pad = createHash('md5').update(secret).update(at === 0 ? authenticator : hidden.subarray(at - BLOCK, at)).digest()
    for (let i = 0; i < BLOCK; i++) plain.writeUInt8(plain.readUInt8(at + i) ^ pad.readUInt8(i), at + i)
  }
  const end = plain.findLastIndex((byte) => byte !== 0) + 1
  return plain.subarray(0, end)
}
