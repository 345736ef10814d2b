/** Public keys by which the client of a session proves itself (reference protocol section 4.4), each the DER of a P-256 SPKI: that of its login, then those that followed, the newest last. */
export type StrapKeys = readonly Uint8Array[]

const KEY_BYTES = 91

/**
 * With `next`, which the client has signed. The one before stays, because the answer to the client may be lost; and that of
 * the login, because openconnect has no other when it is started again with the cookie that it printed.
 */
export function followedBy([login, ...later]: StrapKeys, next: Uint8Array): StrapKeys {
  return [...(login ? [login] : []), ...later.slice(-1), next]
}

/** For the row; `null` without a key. */
export const packKeys = (keys: StrapKeys): Buffer | null => (keys.length === 0 ? null : Buffer.concat(keys))

/** Throws `RangeError` for bytes that are no keys. */
export function unpackKeys(bytes: Buffer | null): StrapKeys {
  if (bytes === null) return []
  if (bytes.length % KEY_BYTES !== 0) throw new RangeError(`${String(bytes.length)} bytes are no keys`)
  return Array.from({ length: bytes.length / KEY_BYTES }, (_, index) => bytes.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES))
}
