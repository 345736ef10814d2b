import { Malformed } from './name.ts'
import { FLAG, HEADER, OPCODE, RCODE, readQuestion, type NotAQuery, type Query, type Question } from './query.ts'
import { readRecords, ttlAt, TYPE } from './records.ts'

const OPT_LENGTH = 11
/** We offer it in our own answers. */
const OUR_SIZE = 1232
const DAY = 86_400
/** RFC 2308 section 5: one to three hours. */
const MAX_NEGATIVE_SEC = 3 * 3600
/** Of SOA data: serial, refresh, retry, expire, minimum, behind two names of a byte at least. */
const SOA_NUMBERS = 20

/** An answer whose every record was stepped over, cut behind the last. */
export interface Answer {
  readonly bytes: Buffer
  readonly rcode: number
  readonly truncated: boolean
  /** How long it may be kept, seconds; 0: not at all. */
  readonly ttlSec: number
  /** Where its TTLs are. */
  readonly ttls: readonly number[]
}

/** Takes a server's datagram or message for the answer to `question` under `id`; undefined when it is another or malformed. */
export function readAnswer(bytes: Buffer, id: number, question: Question): Answer | undefined {
  if (bytes.length < HEADER || bytes.readUInt16BE(0) !== id) return undefined
  const flags = bytes.readUInt16BE(2)
  if (!(flags & FLAG.QR) || flags & OPCODE) return undefined
  try {
    const asked = readQuestion(bytes)
    if (asked.name !== question.name || asked.type !== question.type || asked.class !== question.class) return undefined
    const { records, end } = readRecords(bytes, asked.end)
    const lasting = records.filter(({ type }) => type !== TYPE.OPT)
    const truncated = (flags & FLAG.TC) !== 0
    const rcode = flags & 0xf
    const extended = records.some(({ type, ttl }) => type === TYPE.OPT && ttl >>> 24 !== 0)
    const keep = !truncated && !extended && (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN)
    const minimum = soaMinimum(bytes, records)
    const negative = rcode === RCODE.NXDOMAIN || !records.some(({ section }) => section === 'answer')
    // RFC 2181 section 8: the sign bit means zero. RFC 2308 section 5: a negative answer without SOA is not kept.
    const times = lasting.map(({ ttl }) => (ttl > 0x7fffffff ? 0 : ttl))
    const limit = minimum === undefined ? DAY : Math.min(minimum, MAX_NEGATIVE_SEC)
    const ttlSec = !keep || (negative && minimum === undefined) ? 0 : Math.min(limit, ...times)
    return { bytes: bytes.subarray(0, end), rcode, truncated, ttlSec, ttls: lasting.map(ttlAt) }
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** Of the SOA that says how long "there is none" holds; undefined without one. */
function soaMinimum(bytes: Buffer, records: ReturnType<typeof readRecords>['records']): number | undefined {
  const soa = records.find(({ type, section }) => type === TYPE.SOA && section === 'authority')
  if (!soa) return undefined
  if (soa.dataLength < SOA_NUMBERS + 2) throw new Malformed('an SOA ends early')
  return bytes.readUInt32BE(soa.data + soa.dataLength - 4)
}

/** What this client gets: its own id and spelling of the name, TTLs less `ageSec`, at most `limit` bytes or the TC bit. */
export function fitAnswer({ bytes, ttls, rcode }: Answer, query: Query, limit: number, ageSec = 0): Buffer {
  if (bytes.length > limit) return bareAnswer(query, rcode, FLAG.TC)
  const fitted = Buffer.from(bytes)
  query.head.copy(fitted, HEADER, HEADER)
  fitted.writeUInt16BE(query.id, 0)
  for (const at of ageSec > 0 ? ttls : []) fitted.writeUInt32BE(Math.max(0, fitted.readUInt32BE(at) - ageSec), at)
  return fitted
}

/** Header and question, with an OPT record for a client that speaks EDNS. */
export function bareAnswer(query: Query, rcode: number, more = 0): Buffer {
  const answer = Buffer.alloc(query.head.length + (query.edns ? OPT_LENGTH : 0))
  query.head.copy(answer)
  answer.writeUInt16BE(FLAG.QR | FLAG.RA | more | (query.flags & (FLAG.RD | FLAG.CD)) | rcode, 2)
  answer.writeUInt16BE(query.edns ? 1 : 0, 10)
  if (!query.edns) return answer
  const opt = query.head.length
  answer.writeUInt16BE(TYPE.OPT, opt + 1)
  answer.writeUInt16BE(OUR_SIZE, opt + 3)
  answer.writeUInt32BE(query.edns.dnssecOk ? 0x8000 : 0, opt + 5)
  return answer
}

/** Twelve bytes for what is no query. */
export function headerAnswer(bytes: Buffer, { rcode }: NotAQuery): Buffer {
  const answer = Buffer.alloc(HEADER)
  bytes.copy(answer, 0, 0, 4)
  const flags = bytes.readUInt16BE(2)
  answer.writeUInt16BE(FLAG.QR | FLAG.RA | (flags & (OPCODE | FLAG.RD)) | rcode, 2)
  return answer
}
