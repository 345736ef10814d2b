import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attributePolicy } from './attribute-policy.ts'
import { flatten, valueOf, valuesOf, type Found } from './attributes.ts'
import { groupsOf } from './groups.ts'
import { authenticatorResponse, ntHash, ntResponse, readMsChapError } from './mschap.ts'
import { CODE, decodePacket, encodeResponse, proveRandomRequest, proveResponse, type Packet } from './packet.ts'
import { revealPassword } from './password.ts'
import { replyText } from './reply-text.ts'

const SECRET = Buffer.from('testing123')
const PASSWORD = 'correct horse 9'
interface Exchange {
  readonly request: Packet
  readonly answer: Packet
  readonly asked: readonly Found[]
  readonly told: readonly Found[]
}
const packetOf = (hex: string): Packet => {
  const packet = decodePacket(Buffer.from(hex, 'hex'))
  assert.ok(packet)
  return packet
}
const exchanges = new Map<string, Exchange>(readFileSync(new URL('golden/freeradius.txt', import.meta.url), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
  const [name = '', one = '', other = ''] = line.split(' ')
  const [request, answer] = [packetOf(one), packetOf(other)]
  return [name, { request, answer, asked: flatten(request.attributes), told: flatten(answer.attributes) }]
}))
const exchange = (name: string): Exchange => exchanges.get(name) ?? assert.unreachable(name) as never

test('G23 what FreeRADIUS has signed is proved, and no bit of it may change', () => {
  assert.is(exchanges.size, 6)
  for (const [name, { request, answer }] of exchanges) {
    assert.is(proveRandomRequest(request, SECRET), 'signed', name)
    assert.is(proveResponse(answer, request.authenticator, SECRET), 'signed', name)
    for (let at = 0; at < answer.bytes.length; at++) {
      const bytes = Buffer.from(answer.bytes)
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << at % 8), at)
      const bent = decodePacket(bytes)
      assert.is(bent && bent.bytes.length === bytes.length ? proveResponse(bent, request.authenticator, SECRET) : undefined, undefined, `${name}, byte ${at}`)
    }
    // The same attributes, Message-Authenticator left where FreeRADIUS puts it.
    assert.equal(encodeResponse(request, { code: answer.code, attributes: answer.attributes, signed: false }, SECRET), answer.bytes, name)
  }
})
test('G23 attributes of FreeRADIUS as its dictionary writes them: groups, policy, texts', () => {
  const { request, answer, asked, told } = exchange('accept')
  assert.is(answer.code, CODE.accessAccept)
  assert.is(revealPassword(valueOf(asked, 'User-Password') ?? Buffer.alloc(0), request.authenticator, SECRET)?.toString(), PASSWORD)
  assert.equal(groupsOf(told, 'class', (name) => name === 'partners'), ['partners'])
  assert.equal(groupsOf(told, 'filter-id', (name) => name === 'staff'), ['staff'])
  assert.equal(groupsOf(told, 'asa-group-policy', (name) => name === 'staff'), ['staff'])
  assert.equal(valuesOf(told, 'Class'), [Buffer.from('OU=partners;'), Buffer.from('00ff10', 'hex')])
  assert.is(valueOf(told, 'Acct-Interim-Interval'), 300)
  assert.is(replyText(told), 'Hello alice')
  const { values, problems } = attributePolicy(told, { hasPool: () => false })
  assert.equal(values, {
    splitInclude: ['10.99.0.0/16'], iroute: ['2001:db8:77::/56'], dns: ['10.88.0.53', '10.88.0.54', '10.88.0.56', '10.88.0.55'], ipv4Address: '10.66.0.77',
    sessionTimeoutSec: 3600, inactivityTimeoutSec: 600, rateUp: 250_000, rateDown: 1_000_000, banner: 'HelloWelcome',
  })
  assert.equal(problems, ['Framed-IPv6-Prefix: 2001:db8:7::/64: clients get single addresses'])
})
test('G23 a challenge of FreeRADIUS, its answer with the State, a rejection with its text', () => {
  const { answer, told } = exchange('challenge')
  assert.is(answer.code, CODE.accessChallenge)
  assert.equal([replyText(told), valueOf(told, 'Prompt')], ['Code of your token', 0])
  const second = exchange('challenge-answered')
  assert.equal(valuesOf(second.asked, 'State'), valuesOf(told, 'State'))
  assert.is(revealPassword(valueOf(second.asked, 'User-Password') ?? Buffer.alloc(0), second.request.authenticator, SECRET)?.toString(), '424242')
  assert.is(second.answer.code, CODE.accessAccept)
  const refused = exchange('reject')
  assert.equal([refused.answer.code, replyText(refused.told)], [CODE.accessReject, 'Your contract has ended'])
})
test('G23 MS-CHAPv2 with FreeRADIUS: its own proof is ours to the bit, and an expired password is said with a challenge', () => {
  const { asked, told } = exchange('mschap-accept')
  const challenge = valueOf(asked, 'MS-CHAP-Challenge') ?? Buffer.alloc(0)
  const sent = valueOf(asked, 'MS-CHAP2-Response') ?? Buffer.alloc(0)
  const [peer, response] = [sent.subarray(2, 18), sent.subarray(26)]
  const hash = ntHash(PASSWORD)
  assert.equal(ntResponse(challenge, peer, 'alice', hash), response)
  assert.is(valueOf(told, 'MS-CHAP2-Success')?.subarray(1).toString('latin1'), authenticatorResponse(hash, response, challenge, peer, 'alice'))
  const expired = readMsChapError(valueOf(exchange('mschap-expired').told, 'MS-CHAP-Error') ?? Buffer.alloc(0))
  assert.equal([expired?.code, expired?.challenge?.length, expired?.message], [648, 16, 'Password expired'])
})

test.run()
