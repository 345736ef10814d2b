import { Malformed, nameText, readLabels } from './name.ts'
import { readRecords, TYPE } from './records.ts'

export const HEADER = 12
/** A query has a question and perhaps an OPT record; more is nobody's resolver. */
export const MAX_QUERY = 4096
const MAX_RECORDS = 4
/** What every client takes that says nothing else (RFC 1035 section 4.2.1). */
const PLAIN_SIZE = 512
/** Largest datagram for a client, whatever it asks for, and the largest we ask a server for: beyond it, TCP. */
const LARGEST_SIZE = 4096
const SERVER_SIZE = 1232
/** Options of EDNS that are between two neighbours: NSID, COOKIE, tcp-keepalive, padding. */
const HOP_OPTIONS: ReadonlySet<number> = new Set([3, 10, 11, 12])

export const FLAG = { QR: 0x8000, TC: 0x0200, RD: 0x0100, RA: 0x0080, CD: 0x0010 } as const
export const OPCODE = 0x7800
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const
export const CLASS_IN = 1

export interface Question {
  /** Lower case, no dot at the end; `.` is the root. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** Behind the question in the message; it begins at 12. */
  readonly end: number
}
export interface Query {
  readonly id: number
  readonly flags: number
  readonly question: Question
  /** The message as it goes to a server, its id zero: as the client sent it, but for EDNS options between neighbours and the size. */
  readonly forward: Buffer
  /** Header and question as sent. */
  readonly head: Buffer
  readonly edns: { readonly dnssecOk: boolean } | undefined
  /** Longest answer over UDP, bytes. */
  readonly udpSize: number
  /** The answer depends on nothing but the question and the bits in `cacheKey`. */
  readonly cacheable: boolean
  readonly cacheKey: string
}
/** What a message deserves that is no query we take; an answer of 12 bytes with that code. */
export interface NotAQuery {
  readonly rcode: number
}

export function readQuestion(bytes: Buffer): Question {
  if (bytes.readUInt16BE(4) !== 1) throw new Malformed('not exactly one question')
  const { labels, end } = readLabels(bytes, HEADER)
  if (end + 4 > bytes.length) throw new Malformed('the question ends early')
  return { name: nameText(labels), type: bytes.readUInt16BE(end), class: bytes.readUInt16BE(end + 2), end: end + 4 }
}

/** Reads what a client sent. undefined: no answer is due, because it is too short or is an answer itself. */
export function readQuery(bytes: Buffer): Query | NotAQuery | undefined {
  if (bytes.length < HEADER) return undefined
  const flags = bytes.readUInt16BE(2)
  if (flags & FLAG.QR) return undefined
  if (flags & OPCODE) return { rcode: RCODE.NOTIMP }
  try {
    return queryOf(bytes, flags)
  } catch (error) {
    if (error instanceof Malformed) return { rcode: RCODE.FORMERR }
    throw error
  }
}

function queryOf(bytes: Buffer, flags: number): Query {
  if (bytes.length > MAX_QUERY) throw new Malformed('too long')
  if (bytes.readUInt16BE(6) !== 0 || bytes.readUInt16BE(8) !== 0 || bytes.readUInt16BE(10) > MAX_RECORDS) throw new Malformed('records in a query')
  const question = readQuestion(bytes)
  const { records, end } = readRecords(bytes, question.end)
  if (end !== bytes.length) throw new Malformed('bytes behind the last record')
  const options = records.filter(({ type }) => type === TYPE.OPT)
  if (options.length > 1) throw new Malformed('two OPT records')
  const [opt] = options
  const forward = Buffer.from(bytes)
  forward.writeUInt16BE(0, 0)
  const head = bytes.subarray(0, question.end)
  const plain = { id: bytes.readUInt16BE(0), flags, question, head: Buffer.from(head) }
  const common = flags & FLAG.RD ? records.length === (opt ? 1 : 0) : false
  const key = (bits: string): string => `${question.name} ${question.type} ${question.class} ${flags & FLAG.CD ? 'cd' : ''} ${bits}`
  if (!opt) return { ...plain, forward, edns: undefined, udpSize: PLAIN_SIZE, cacheable: common, cacheKey: key('') }
  const asked = bytes.readUInt16BE(opt.at + 2)
  const version = (opt.ttl >>> 16) & 0xff
  const dnssecOk = (opt.ttl & 0x8000) !== 0
  forward.writeUInt16BE(Math.min(Math.max(asked, PLAIN_SIZE), SERVER_SIZE), opt.at + 2)
  // Only at the very end can the options go without moving what follows.
  const between = betweenNeighbours(bytes.subarray(opt.data, opt.data + opt.dataLength)) && opt.data + opt.dataLength === bytes.length
  if (between) forward.writeUInt16BE(0, opt.at + 8)
  return {
    ...plain,
    forward: between ? forward.subarray(0, opt.data) : forward,
    edns: { dnssecOk },
    udpSize: Math.min(Math.max(asked, PLAIN_SIZE), LARGEST_SIZE),
    cacheable: common && between && version === 0,
    cacheKey: key(dnssecOk ? 'edns do' : 'edns'),
  }
}

/** No option in there means anything to who answers in the end. */
function betweenNeighbours(options: Buffer): boolean {
  for (let at = 0; at < options.length; at += 4 + options.readUInt16BE(at + 2)) {
    if (at + 4 > options.length || at + 4 + options.readUInt16BE(at + 2) > options.length) throw new Malformed('an EDNS option ends early')
    if (!HOP_OPTIONS.has(options.readUInt16BE(at))) return false
  }
  return true
}
