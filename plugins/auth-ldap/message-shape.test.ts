import { ExtendedRequest, MessageParser } from 'ldapts'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Mutator } from '../../test/fuzz/mutate.ts'
import { elements, FramingError } from './ber.ts'
import { MessageFramer } from './message-framer.ts'
import { checkMessage } from './message-shape.ts'
import { askForPolicy } from './password-policy.ts'
import { writeAnswer } from './scripted-directory.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const tlv = (tag: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const value = Buffer.concat(parts.map((part) => (typeof part === 'string' ? hex(part) : part)))
  return Buffer.concat([Buffer.from([tag, value.length]), value])
}
const message = (...parts: readonly (Buffer | string)[]): Buffer => tlv(0x30, '020102', ...parts)
const DONE = '0a0100 0400 0400'
const refused = (message: Buffer): boolean => {
  try {
    checkMessage(message)
    return false
  } catch (error) {
    if (error instanceof FramingError) return true
    throw error
  }
}
const ENTRY = writeAnswer(2, { kind: 'search' }, { entries: [{ dn: 'uid=alice,dc=x', attributes: { uid: ['alice', 'Alice'], cn: [], objectSid: [Buffer.from([1, 200])] } }], policy: { error: 1, graceLeft: 2 } })

test('what directories send is taken: entries, references, results with a referral, a notice, controls', () => {
  const messages = [...new MessageFramer().push(ENTRY)]
  assert.is(messages.length, 2)
  messages.push(message(tlv(0x73, '0401 6c')), message(tlv(0x65, DONE, 'a303 0401 6c')), message(tlv(0x78, DONE, '8a01 31', '8b01 32')), message(tlv(0x61, DONE), 'a00a 3008 0401 31 0101ff 0400'))
  for (const one of messages) assert.not.ok(refused(one), one.toString('hex'))
})
test('a length that reaches beyond what it stands in is refused, wherever it is; so is what stands in the wrong place', () => {
  const [entry = Buffer.alloc(0), result = Buffer.alloc(0)] = new MessageFramer().push(ENTRY)
  for (const whole of [entry, result]) {
    assert.ok(whole.length < 128)
    for (const at of headers(whole)) {
      for (const value of [0x7f, 0x84, 0x80]) {
        const changed = Buffer.from(whole)
        changed[at + 1] = value
        assert.ok(refused(changed), `${changed.toString('hex')} at ${at}`)
      }
    }
  }
  for (const built of [
    hex('3000'), message(), message('0400'), message(tlv(0x61)), message(tlv(0x61, DONE), 'a000', 'a000'),
    message(tlv(0x61, DONE, '8705')), message(tlv(0x61, DONE, 'a000')), message(tlv(0x61, DONE, '02')), message(tlv(0x61, '020100 0400 0400')),
    message(tlv(0x64, '0400', '0403 317f00')), message(tlv(0x64, '0400', '3005 0403 317f00')), message(tlv(0x64, '0400', '3007 3005 0400 0401 00')), message(tlv(0x64, '0400', '3008 3006 0400 3102 0200')), message(tlv(0x73, '0200')),
    message(tlv(0x61, DONE), 'a07f'), message(tlv(0x61, DONE), 'a002 0400'), message(tlv(0x61, DONE), 'a002 3000'), message(tlv(0x61, DONE), 'a006 3004 0400 3000'),
  ]) assert.ok(refused(built), built.toString('hex'))
})
test('what passes is read by the client library to its end, however it was bent', () => {
  const corpus = [...new MessageFramer().push(ENTRY), message(tlv(0x61, DONE, 'a303 0401 6c'), 'a00a 3008 0401 31 0101ff 0400'), message(tlv(0x73, '0401 6c'))]
  const random = new Mutator(7)
  let passed = 0
  for (let round = 0; round < 4000; round++) {
    const bent = Buffer.from(random.mutate(corpus, 300))
    if (refused(bent)) continue
    passed++
    const parser = new MessageParser()
    parser.on('error', () => undefined)
    parser.read(bent, new Map([['2', { message: new ExtendedRequest({ messageId: 2, controls: [askForPolicy().control] }) }]]))
  }
  assert.ok(passed > 100, `${passed}`)
})
test('elements are whole or refused', () => {
  assert.equal(elements(hex('0400 30820001ff')).map(({ tag, value }) => [tag, value.length]), [[4, 0], [0x30, 1]])
  for (const text of ['04', '0401', '0480', '048500000000 01', '0484ffffffff', '0482 01']) assert.throws(() => elements(hex(text)), (error: unknown) => error instanceof FramingError, text)
})

/** Where each element begins, those inside others too. */
function headers(bytes: Buffer, from = 0): readonly number[] {
  const found: number[] = []
  let at = from
  for (const { tag, value } of elements(bytes.subarray(from))) {
    found.push(at)
    const start = at + 2
    if ((tag & 0x20) !== 0) found.push(...headers(bytes.subarray(0, start + value.length), start))
    at = start + value.length
  }
  return found
}

test.run()
