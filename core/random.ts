import { randomFillSync } from 'node:crypto'

/** Each fill is a call into OpenSSL that costs the same for 16 bytes as for many. */
const POOL_BYTES = 4096
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/** Random bytes for secrets, as `crypto.randomBytes` gives them, at most 4096. What was handed out is wiped from the pool. */
export function pooledRandomBytes(length: number): Buffer {
  if (length > POOL_BYTES) throw new RangeError(`at most ${POOL_BYTES} random bytes`)
  if (used + length > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const drawn = pool.subarray(used, used + length)
  const bytes = Buffer.from(drawn)
  drawn.fill(0)
  used += length
  return bytes
}
