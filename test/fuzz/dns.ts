import { bareAnswer, fitAnswer, headerAnswer, readAnswer } from '../../plugins/split-dns/answer.ts'
import { Malformed } from '../../plugins/split-dns/name.ts'
import { HEADER, RCODE, readQuery, readQuestion, type Query, type Question } from '../../plugins/split-dns/query.ts'
import { Framer } from '../../plugins/split-dns/tcp-framer.ts'

export const short = true

/** The same bytes as a client's query, as a server's answer, and as a stream: each is refused or comes out as it went in. */
export function run(input: Uint8Array): void {
  const bytes = Buffer.from(input)
  const before = bytes.toString('latin1')
  asQuery(bytes)
  asAnswer(bytes)
  asStream(bytes)
  if (bytes.toString('latin1') !== before) throw new Error('what was read has changed')
}

function asQuery(bytes: Buffer): void {
  const query = readQuery(bytes)
  if (!query) return
  if ('rcode' in query) {
    if (headerAnswer(bytes, query).length !== HEADER) throw new Error('a refusal of another length')
    return
  }
  if (query.udpSize < 512 || query.udpSize > 4096) throw new Error(`answers of ${query.udpSize} bytes`)
  const again = readQuery(query.forward)
  if (!again || 'rcode' in again) throw new Error('what is forwarded is no query')
  if (again.cacheKey !== query.cacheKey || again.cacheable !== query.cacheable || again.question.name !== query.question.name) throw new Error('what is forwarded is another query')
  const refusal = bareAnswer(query, RCODE.REFUSED)
  if (readAnswer(refusal, query.id, query.question)?.rcode !== RCODE.REFUSED) throw new Error('a refusal is no answer to its query')
  if (refusal.length > 512) throw new Error('a refusal does not fit')
}

function asAnswer(bytes: Buffer): void {
  const question = questionOf(bytes)
  const answer = question && readAnswer(bytes, bytes.readUInt16BE(0), question)
  if (!question || !answer) return
  if (answer.ttlSec < 0 || answer.ttlSec > 86_400) throw new Error(`kept for ${answer.ttlSec} s`)
  if (answer.ttls.some((at) => at < question.end || at + 4 > answer.bytes.length)) throw new Error('a TTL outside of the records')
  const head = Buffer.from(bytes.subarray(0, question.end))
  const query: Query = { id: 7, flags: 0x100, question, forward: head, head, edns: undefined, udpSize: 512, cacheable: true, cacheKey: '' }
  const fitted = fitAnswer(answer, query, 0xffff, 86_400)
  const again = readAnswer(fitted, 7, question)
  if (!again || again.bytes.length !== answer.bytes.length || again.ttls.length !== answer.ttls.length) throw new Error('an answer does not come back as it was')
  if (fitAnswer(answer, query, 12).length !== question.end) throw new Error('truncated to another length')
}

function questionOf(bytes: Buffer): Question | undefined {
  try {
    return bytes.length < HEADER ? undefined : readQuestion(bytes)
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** Pieces of one byte give the messages of one piece. */
function asStream(bytes: Buffer): void {
  const stream = bytes.subarray(0, 2000)
  const whole = new Framer(4096).push(stream)?.map(String)
  const framer = new Framer(4096)
  const pieces: string[] = []
  for (const byte of stream) {
    const messages = framer.push(Buffer.from([byte]))
    if (!messages) {
      if (whole) throw new Error('refused in pieces alone')
      return
    }
    pieces.push(...messages.map(String))
  }
  if (!whole || JSON.stringify(pieces) !== JSON.stringify(whole)) throw new Error('other messages in pieces')
}
