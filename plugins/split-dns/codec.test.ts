import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bareAnswer, fitAnswer, headerAnswer, readAnswer } from './answer.ts'
import { FLAG, RCODE, readQuery, type Query } from './query.ts'
import { A, answerTo, CLIENT_SUBNET, COOKIE, isTruncated, opt, query, rcodeOf, soa, TYPES, type TestAnswer } from './testing.ts'

const good = (bytes: Buffer): Query => {
  const read = readQuery(bytes)
  if (!read || 'rcode' in read) throw new Error(`no query: ${JSON.stringify(read)}`)
  return read
}
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

// As dig 9.18 sends `dig +nocookie WWW.corp.example`: EDNS, size 1232, AD.
const DIG = hex('a1b2 0120 0001 0000 0000 0001 03575757 04636f7270 076578616d706c65 00 0001 0001 00 0029 04d0 00000000 0000')

test('G17 a query of dig, byte by byte', () => {
  const { id, question, edns, udpSize, cacheable, forward } = good(DIG)
  assert.equal([id, question.name, question.type, question.class, question.end], [0xa1b2, 'www.corp.example', 1, 1, 34])
  assert.equal([edns, udpSize, cacheable], [{ dnssecOk: false }, 1232, true])
  assert.equal(forward, Buffer.concat([hex('0000'), DIG.subarray(2)]), 'goes on as it came, under an id of its own')
})

test('names: case does not matter, odd bytes are escaped, the root is a dot', () => {
  assert.is(good(query('A.Example')).cacheKey, good(query('a.eXAMPLE')).cacheKey)
  assert.is(good(query('.')).question.name, '.')
  const odd = hex('0001 0100 0001 0000 0000 0000 04612e6220 04c9c9e9e9 00 0001 0001')
  assert.is(good(odd).question.name, 'a\\046b\\032.\\201\\201\\233\\233', 'no letters beyond ASCII are folded')
})

test('EDNS: options between neighbours go, others pass and are not cached, the size is bounded', () => {
  const plain = good(query('a.example'))
  assert.equal([plain.edns, plain.udpSize], [undefined, 512])
  const cookie = good(query('a.example', { edns: opt(4096, COOKIE, 0x8000) }))
  assert.equal(cookie.forward.subarray(27), hex('00 0029 04d0 00008000 0000'))
  assert.equal([cookie.cacheable, cookie.udpSize, cookie.edns], [true, 4096, { dnssecOk: true }])
  const subnet = good(query('a.example', { edns: opt(100, CLIENT_SUBNET) }))
  assert.is(subnet.forward.length, query('a.example', { edns: opt(100, CLIENT_SUBNET) }).length)
  assert.equal([subnet.cacheable, subnet.udpSize], [false, 512])
  const keys = [plain, cookie, good(query('a.example', { edns: opt() })), good(query('a.example', { flags: FLAG.RD | FLAG.CD })), good(query('a.example', { type: TYPES.AAAA }))].map(({ cacheKey }) => cacheKey)
  assert.is(new Set(keys).size, keys.length)
  assert.is(good(query('a.example', { flags: 0 })).cacheable, false, 'without recursion the answer is another')
})

const NAME = '0161 076578616d706c65 00'
for (const [what, bytes, rcode] of [
  ['a pointer in the question', hex('0001 0100 0001 0000 0000 0000 c00c 0001 0001'), RCODE.FORMERR],
  ['a pointer behind a label', hex('0001 0100 0001 0000 0000 0000 0161 c00c 0001 0001'), RCODE.FORMERR],
  ['65,535 questions', hex(`0001 0100 ffff 0000 0000 0000 ${NAME} 0001 0001`), RCODE.FORMERR],
  ['no question', hex('0001 0100 0000 0000 0000 0000'), RCODE.FORMERR],
  ['65,535 answers', hex(`0001 0100 0001 ffff 0000 0000 ${NAME} 0001 0001`), RCODE.FORMERR],
  ['65,535 additional records', hex(`0001 0100 0001 0000 0000 ffff ${NAME} 0001 0001`), RCODE.FORMERR],
  ['one additional record that is not there', hex(`0001 0100 0001 0000 0000 0001 ${NAME} 0001 0001`), RCODE.FORMERR],
  ['bytes behind the end', Buffer.concat([query('a.example'), Buffer.from([0])]), RCODE.FORMERR],
  ['a name that ends early', hex('0001 0100 0001 0000 0000 0000 0361'), RCODE.FORMERR],
  ['a label of 64 bytes', Buffer.concat([hex('0001 0100 0001 0000 0000 0000 40'), Buffer.alloc(64, 97), hex('00 0001 0001')]), RCODE.FORMERR],
  ['a name of 256 bytes', Buffer.concat([hex('0001 0100 0001 0000 0000 0000'), ...Array.from({ length: 127 }, () => hex('0161')), hex('0161 00 0001 0001')]), RCODE.FORMERR],
  ['two OPT records', hex(`0001 0100 0001 0000 0000 0002 ${NAME} 0001 0001 00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000`), RCODE.FORMERR],
  ['an EDNS option longer than its record', query('a.example', { edns: opt(1232, hex('000a 00ff 01')) }), RCODE.FORMERR],
  ['an update', query('a.example', { flags: 5 << 11 }), RCODE.NOTIMP],
] as const) {
  test(`G17 refused: ${what}`, () => {
    const read = readQuery(bytes)
    assert.equal(read, { rcode })
    const answer = headerAnswer(bytes, { rcode })
    assert.equal([answer.length, answer.readUInt16BE(0), rcodeOf(answer), answer.subarray(4)], [12, bytes.readUInt16BE(0), rcode, Buffer.alloc(8)])
  })
}
test('a name of 255 bytes is one', () => {
  const longest = Buffer.concat([hex('0001 0100 0001 0000 0000 0000'), ...Array.from({ length: 127 }, () => hex('0161')), hex('00 0001 0001')])
  assert.is(good(longest).question.name.length, 253)
})
test('answers and scraps get none', () => {
  assert.is(readQuery(query('a.example', { flags: FLAG.QR })), undefined)
  assert.is(readQuery(Buffer.alloc(11)), undefined)
})

const ASKED = query('a.example', { id: 7 })
const { question } = good(ASKED)
const read = (answer: TestAnswer) => readAnswer(answerTo(ASKED, answer), 7, question)

test('G17 an answer with another id or question is none', () => {
  const answer = answerTo(ASKED, { answers: [A('192.0.2.1')] })
  assert.ok(readAnswer(answer, 7, question))
  assert.is(readAnswer(answer, 8, question), undefined)
  assert.is(readAnswer(answerTo(query('b.example', { id: 7 }), {}), 7, question), undefined)
  assert.is(readAnswer(answerTo(query('a.example', { id: 7, type: TYPES.AAAA }), {}), 7, question), undefined)
  assert.is(readAnswer(ASKED, 7, question), undefined, 'the query itself')
  assert.ok(readAnswer(answerTo(query('A.EXAMPLE', { id: 7 }), {}), 7, question), 'spelled otherwise')
})

test('G17 an answer whose counts lie is none, whatever they say; a loop of pointers is stepped over', () => {
  const lying = answerTo(ASKED, { answers: [A('192.0.2.1')] })
  lying.writeUInt16BE(0xffff, 6)
  assert.is(readAnswer(lying, 7, question), undefined)
  const cut = answerTo(ASKED, { answers: [A('192.0.2.1')] })
  assert.is(readAnswer(cut.subarray(0, cut.length - 1), 7, question), undefined)
  const loop = answerTo(ASKED, { answers: [A('192.0.2.1')] })
  loop.writeUInt16BE(0xc000 | question.end, question.end)
  assert.ok(readAnswer(loop, 7, question))
  const shortSoa = answerTo(ASKED, { authority: [{ type: TYPES.SOA, ttl: 60, data: Buffer.alloc(21) }] })
  assert.is(readAnswer(shortSoa, 7, question), undefined)
})

for (const [what, answer, ttl] of [
  ['the smallest TTL', { answers: [A('192.0.2.1', 300), A('192.0.2.2', 60)] }, 60],
  ['a TTL of zero', { answers: [A('192.0.2.1', 300), A('192.0.2.2', 0)] }, 0],
  ['a TTL with the sign bit', { answers: [A('192.0.2.1', 0x80000001)] }, 0],
  ['at most a day', { answers: [A('192.0.2.1', 604_800)] }, 86_400],
  ['no such name, by the minimum of the SOA', { rcode: RCODE.NXDOMAIN, authority: [soa(900, 30)] }, 30],
  ['no such name, by the TTL of the SOA', { rcode: RCODE.NXDOMAIN, authority: [soa(20, 900)] }, 20],
  ['no such name, at most three hours', { rcode: RCODE.NXDOMAIN, authority: [soa(86_400, 86_400)] }, 10_800],
  ['no such type', { authority: [soa(900, 30)] }, 30],
  ['no such name without SOA', { rcode: RCODE.NXDOMAIN }, 0],
  ['no such name behind an alias, without SOA', { rcode: RCODE.NXDOMAIN, answers: [A('192.0.2.1')] }, 0],
  ['a referral', { authority: [{ type: TYPES.NS, ttl: 300, data: Buffer.from([0]) }] }, 0],
  ['a failure', { rcode: RCODE.SERVFAIL }, 0],
  ['truncated', { flags: FLAG.TC, answers: [A('192.0.2.1')] }, 0],
] as const satisfies readonly (readonly [string, TestAnswer, number])[]) {
  test(`G17 how long an answer is kept: ${what}`, () => assert.is(read(answer)?.ttlSec, ttl))
}

test('G17 the client gets its own id and spelling, and TTLs that have run down', () => {
  const answer = read({ answers: [A('192.0.2.1', 300)], authority: [soa(100, 50)] })
  assert.ok(answer)
  const mine = good(query('A.eXaMple', { id: 99 }))
  const fitted = fitAnswer(answer, mine, 512, 40)
  const expected = answerTo(query('A.eXaMple', { id: 99 }), { answers: [A('192.0.2.1', 260)], authority: [soa(60, 50)] })
  assert.equal(fitted, expected)
  assert.equal(answer.bytes, answerTo(ASKED, { answers: [A('192.0.2.1', 300)], authority: [soa(100, 50)] }), 'what is kept stays as it was')
})

test('G17 an answer that does not fit is header and question with the TC bit, and OPT where it was asked', () => {
  const answer = read({ answers: Array.from({ length: 60 }, (_, at) => A(`192.0.2.${at}`)) })
  assert.ok(answer)
  const short = fitAnswer(answer, good(ASKED), 512)
  assert.equal([isTruncated(short), rcodeOf(short), short.length], [true, 0, question.end])
  const extended = fitAnswer(answer, good(query('a.example', { edns: opt(600, Buffer.alloc(0), 0x8000) })), 600)
  assert.equal(extended.subarray(question.end), opt(1232, Buffer.alloc(0), 0x8000))
  assert.is(isTruncated(fitAnswer(answer, good(ASKED), 65_535)), false)
  assert.is(rcodeOf(bareAnswer(good(ASKED), RCODE.REFUSED)), RCODE.REFUSED)
})

test.run()
