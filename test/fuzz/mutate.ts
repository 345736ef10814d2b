/** A small mutator for byte inputs: bits, bytes, interesting values, cuts, repeats, splices. Deterministic by seed. */
export class Mutator {
  private state: number
  constructor(seed: number) {
    this.state = seed >>> 0 || 1
  }

  /** xorshift32 */
  below(limit: number): number {
    let x = this.state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.state = x >>> 0
    return this.state % limit
  }

  mutate(corpus: readonly Uint8Array[], maximum: number): Uint8Array {
    let bytes = [...(corpus[this.below(corpus.length)] ?? [])]
    for (let rounds = 1 + this.below(6); rounds > 0; rounds--) bytes = this.once(bytes, corpus)
    return Uint8Array.from(bytes.slice(0, maximum))
  }

  private once(bytes: number[], corpus: readonly Uint8Array[]): number[] {
    const at = this.below(bytes.length + 1)
    const span = this.below(Math.max(1, Math.min(64, bytes.length - at)))
    switch (this.below(8)) {
      case 0: // one bit
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << this.below(8))
        return bytes
      case 1: // one byte
        if (at < bytes.length) bytes[at] = this.below(256)
        return bytes
      case 2: { // a value that parsers trip over
        const values = [0, 0x0a, 0x0d, 0x20, 0x22, 0x26, 0x3c, 0x3e, 0x5b, 0x7f, 0x80, 0xc0, 0xff]
        bytes.splice(at, 0, values[this.below(values.length)] ?? 0)
        return bytes
      }
      case 3: // cut
        bytes.splice(at, span)
        return bytes
      case 4: { // repeat
        const part = bytes.slice(at, at + span)
        for (let times = this.below(20); times > 0; times--) bytes.splice(at, 0, ...part)
        return bytes
      }
      case 5: { // splice from another input
        const other = corpus[this.below(corpus.length)] ?? new Uint8Array()
        const from = this.below(other.length + 1)
        bytes.splice(at, span, ...other.slice(from, from + 1 + this.below(128)))
        return bytes
      }
      case 6: // truncate
        return bytes.slice(0, at)
      default: { // a decimal number changed
        const text = Buffer.from(bytes).toString('latin1')
        const numbers = ['0', '-1', '65535', '65536', '4294967296', '99999999999999999999']
        return [...Buffer.from(text.replace(/\d+/, numbers[this.below(numbers.length)] ?? '0'), 'latin1')]
      }
    }
  }
}
