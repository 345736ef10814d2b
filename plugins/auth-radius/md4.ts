/** MD4 (RFC 1320), which OpenSSL 3 no longer has; MS-CHAPv2 needs it for hashes of passwords. */
export function md4(message: Uint8Array): Buffer {
  const padded = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64)
  padded.set(message)
  padded.writeUInt8(0x80, message.length)
  padded.writeUInt32LE((message.length << 3) >>> 0, padded.length - 8)
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  for (let block = 0; block < padded.length; block += 64) {
    const before = [...state]
    for (const { f, add, order, shifts } of ROUNDS) {
      order.forEach((word, step) => {
        const [a, b, c, d] = state as [number, number, number, number]
        const sum = (a + f(b, c, d) + padded.readUInt32LE(block + 4 * word) + add) | 0
        const shift = shifts[step % 4] ?? 0
        state.splice(0, 4, d, (sum << shift) | (sum >>> (32 - shift)), b, c)
      })
    }
    before.forEach((value, at) => (state[at] = ((state[at] ?? 0) + value) | 0))
  }
  const digest = Buffer.alloc(16)
  state.forEach((value, at) => digest.writeInt32LE(value, 4 * at))
  return digest
}

const IN_ORDER = Array.from({ length: 16 }, (_, at) => at)
const ROUNDS: readonly { readonly f: (x: number, y: number, z: number) => number; readonly add: number; readonly order: readonly number[]; readonly shifts: readonly number[] }[] = [
  { f: (x, y, z) => (x & y) | (~x & z), add: 0, order: IN_ORDER, shifts: [3, 7, 11, 19] },
  { f: (x, y, z) => (x & y) | (x & z) | (y & z), add: 0x5a827999, order: IN_ORDER.map((at) => (at % 4) * 4 + (at >> 2)), shifts: [3, 5, 9, 13] },
  { f: (x, y, z) => x ^ y ^ z, add: 0x6ed9eba1, order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], shifts: [3, 9, 11, 15] },
]
