import { Malformed, skipName } from './name.ts'

/** Types that the resolver looks at (RFC 1035 3.2.2, RFC 6891, RFC 5936, RFC 1995, RFC 8945). */
export const TYPE = { SOA: 6, OPT: 41, TKEY: 249, TSIG: 250, IXFR: 251, AXFR: 252 } as const
const FIXED = 10

export interface ResourceRecord {
  readonly section: 'answer' | 'authority' | 'additional'
  readonly type: number
  /** Where its fixed part begins: type, class, TTL, length. */
  readonly at: number
  readonly ttl: number
  readonly data: number
  readonly dataLength: number
}
/** Offset of the TTL in the message. */
export const ttlAt = ({ at }: ResourceRecord): number => at + 4

/**
 * The records behind the question, in order; ends at the last. Throws `Malformed` when the counts promise more than there
 * is. Names are stepped over and pointers never followed, so the work is bounded by the bytes, whatever the counts say.
 */
export function readRecords(bytes: Buffer, from: number): { readonly records: readonly ResourceRecord[]; readonly end: number } {
  const records: ResourceRecord[] = []
  let at = from
  for (const [section, count] of [['answer', bytes.readUInt16BE(6)], ['authority', bytes.readUInt16BE(8)], ['additional', bytes.readUInt16BE(10)]] as const) {
    for (let left = count; left > 0; left--) {
      const fixed = skipName(bytes, at)
      if (fixed + FIXED > bytes.length) throw new Malformed('a record ends early')
      const dataLength = bytes.readUInt16BE(fixed + 8)
      const data = fixed + FIXED
      at = data + dataLength
      if (at > bytes.length) throw new Malformed('the data of a record ends early')
      records.push({ section, type: bytes.readUInt16BE(fixed), at: fixed, ttl: bytes.readUInt32BE(fixed + 4), data, dataLength })
    }
  }
  return { records, end: at }
}
