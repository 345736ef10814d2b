import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attribute, decodeValue, flatten, nameOf, valueOf, valuesOf } from './attributes.ts'
import { DICTIONARY } from './dictionary.ts'
import { CODE, decodePacket, encodeRequest, encodeResponse, MAX_ATTRIBUTES, proveRandomRequest, proveRequest, proveResponse, type Attribute, type Packet } from './packet.ts'
import { hidePassword, revealPassword } from './password.ts'

const SECRET = Buffer.from('xyzzy5461')
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const packetOf = (bytes: Uint8Array): Packet => {
  const packet = decodePacket(bytes)
  assert.ok(packet)
  return packet
}

test('the example of RFC 2865 section 7.1: a hidden password, and the answer to it', () => {
  const request = hex(`01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee
    04 06 c0 a8 01 10 05 06 00 00 00 03`)
  const packet = packetOf(request)
  const found = flatten(packet.attributes)
  assert.is(valueOf(found, 'User-Name'), 'nemo')
  assert.is(valueOf(found, 'NAS-IP-Address'), '192.168.1.16')
  const hidden = valueOf(found, 'User-Password')
  assert.ok(hidden)
  assert.is(revealPassword(hidden, packet.authenticator, SECRET)?.toString(), 'arctangent')
  assert.equal(hidePassword(Buffer.from('arctangent'), packet.authenticator, SECRET), hidden)
  const accept = hex('02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03')
  assert.is(proveResponse(packetOf(accept), packet.authenticator, SECRET), 'plain')
  assert.equal(encodeResponse(packet, { code: CODE.accessAccept, attributes: packetOf(accept).attributes, signed: false }, SECRET), accept)
})
test('what is no packet is refused: every length short or beyond, and too many attributes', () => {
  const good = encodeRequest({ code: CODE.accessRequest, id: 7, authenticator: randomBytes(16), attributes: [attribute('User-Name', 'alice')] }, SECRET)
  for (let length = 0; length < good.length; length++) assert.is(decodePacket(good.subarray(0, length)), undefined)
  for (const size of [0, 1, 8, 255]) {
    const bent = Buffer.from(good)
    bent[39] = size
    assert.is(decodePacket(bent), undefined, `length ${size} of the last attribute`)
  }
  const one = Buffer.from(good)
  one.writeUInt16BE(19, 2)
  assert.is(decodePacket(one), undefined)
  const padded = packetOf(Buffer.concat([good, Buffer.alloc(30, 1)]))
  assert.is(padded.bytes.length, good.length)
  const full = (count: number): Buffer => {
    const bytes = Buffer.alloc(20 + 2 * count)
    bytes.writeUInt16BE(bytes.length, 2)
    for (let at = 20; at < bytes.length; at += 2) bytes.set([1, 2], at)
    return bytes
  }
  assert.is(packetOf(full(MAX_ATTRIBUTES)).attributes.length, MAX_ATTRIBUTES)
  assert.is(decodePacket(full(MAX_ATTRIBUTES + 1)), undefined)
  const long = Buffer.alloc(4097)
  long.writeUInt16BE(4097, 2)
  for (let at = 20; at < 4097; at += 251) long.set([1, Math.min(251, 4097 - at)], at)
  assert.is(decodePacket(long), undefined)
})
test('a request has its Message-Authenticator in front; one bit elsewhere is noticed', () => {
  const authenticator = randomBytes(16)
  const bytes = encodeRequest({ code: CODE.accessRequest, id: 7, authenticator, attributes: [attribute('User-Name', 'alice'), attribute('State', randomBytes(40))] }, SECRET)
  assert.is(bytes[20], 80)
  assert.is(proveRandomRequest(packetOf(bytes), SECRET), 'signed')
  assert.is(proveRandomRequest(packetOf(bytes), Buffer.from('other')), undefined)
  for (let at = 0; at < bytes.length * 8; at += 5) {
    const bent = Buffer.from(bytes)
    bent.writeUInt8(bent.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3)
    const packet = decodePacket(bent)
    assert.is.not(packet && proveRandomRequest(packet, SECRET), 'signed', `bit ${at}`)
  }
})
test('answers and requests with a digest: right secret and request alone', () => {
  const request = packetOf(encodeRequest({ code: CODE.accountingRequest, id: 3, attributes: [attribute('Acct-Status-Type', 1)] }, SECRET))
  assert.is(request.attributes.length, 1)
  assert.is(proveRequest(request, SECRET), 'plain')
  assert.is(proveRequest(request, Buffer.from('xyzzy5462')), undefined)
  const change = packetOf(encodeRequest({ code: CODE.coaRequest, id: 3, attributes: [attribute('User-Name', 'bob')] }, SECRET))
  assert.is(proveRequest(change, SECRET), 'signed')
  const answer = packetOf(encodeResponse(change, { code: CODE.coaAck, attributes: [attribute('Error-Cause', 201)] }, SECRET))
  assert.is(proveResponse(answer, change.authenticator, SECRET), 'signed')
  assert.is(proveResponse(answer, randomBytes(16), SECRET), undefined)
  assert.is(proveResponse(answer, change.authenticator, Buffer.from('x')), undefined)
})
test('a Message-Authenticator that is wrong, of another length, or there twice is no proof, although the digest is right', () => {
  const request = packetOf(encodeRequest({ code: CODE.accessRequest, id: 3, authenticator: randomBytes(16), attributes: [] }, SECRET))
  const answer = (attributes: readonly Attribute[]): Packet => packetOf(encodeResponse(request, { code: CODE.accessAccept, attributes, signed: false }, SECRET))
  const [right] = packetOf(encodeResponse(request, { code: CODE.accessAccept, attributes: [] }, SECRET)).attributes
  assert.ok(right)
  assert.is(proveResponse(answer([right]), request.authenticator, SECRET), 'signed')
  assert.is(proveResponse(answer([right, right]), request.authenticator, SECRET), undefined)
  assert.is(proveResponse(answer([{ type: 80, value: Buffer.alloc(16) }]), request.authenticator, SECRET), undefined)
  assert.is(proveResponse(answer([{ type: 80, value: right.value.subarray(0, 15) }]), request.authenticator, SECRET), undefined)
})
test('digests are compared as bytes: two that are the same in broken UTF-8 are not', () => {
  const request = randomBytes(16)
  for (let tries = 0; ; tries++) {
    const answer = packetOf(encodeResponse({ id: tries & 0xff, authenticator: request }, { code: CODE.accessAccept, attributes: [attribute('Class', randomBytes(8))] }, SECRET))
    const bent = Buffer.from(answer.bytes)
    const at = [...answer.authenticator].findIndex((byte) => byte === 0xff)
    if (at < 0) continue
    bent[4 + at] = 0xfe
    if (bent.subarray(4, 20).toString() !== answer.authenticator.toString()) continue
    assert.is(proveResponse(packetOf(bent), request, SECRET), undefined)
    break
  }
})
test('what is encoded comes back, whatever it is', () => {
  const attributes = fc.array(fc.tuple(fc.integer({ min: 1, max: 255 }).filter((type) => type !== 80), fc.uint8Array({ maxLength: 253 }).map((bytes) => Buffer.from(bytes))).map(([type, value]) => ({ type, value })), { maxLength: 15 })
  fc.assert(fc.property(attributes, fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Object.values(CODE)), (list, id, code) => {
    const packet = packetOf(encodeRequest({ code, id, authenticator: randomBytes(16), attributes: list, signed: true }, SECRET))
    assert.is(packet.id, id)
    assert.is(packet.code, code)
    assert.equal(packet.attributes.slice(1), list)
  }), { numRuns: 200 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 128 }).filter((bytes) => bytes.at(-1) !== 0), (password) => {
    const authenticator = createHash('md5').update(password).digest()
    assert.equal(revealPassword(hidePassword(password, authenticator, SECRET), authenticator, SECRET), Buffer.from(password))
  }), { numRuns: 200 })
  assert.throws(() => hidePassword(Buffer.alloc(129), Buffer.alloc(16), SECRET), /129 bytes/)
  assert.throws(() => encodeRequest({ code: CODE.accountingRequest, id: 0, attributes: [{ type: 1, value: Buffer.alloc(254) }] }, SECRET), /254 bytes/)
  assert.throws(() => encodeRequest({ code: CODE.accountingRequest, id: 0, attributes: Array.from({ length: 17 }, () => ({ type: 1, value: Buffer.alloc(253) })) }, SECRET), /a packet of/)
})
test('attributes have names, vendors and types; bytes of another form are left out', () => {
  for (const [name, value] of [['Framed-IPv6-Prefix', '2001:db8:1::/48'], ['Framed-IPv6-Address', '2001:db8::7'], ['MS-Primary-DNS-Server', '10.0.0.53'], ['Cisco-AVPair', 'ip:route=10.0.0.0/8'], ['Session-Timeout', 0xffffffff]] as const) {
    const found = flatten([attribute(name as 'Class', value as never)])
    assert.is(found[0] && nameOf(found[0]), name)
    assert.is(valueOf(found, name), value)
  }
  const bad = flatten([{ type: 27, value: Buffer.alloc(3) }, { type: 8, value: Buffer.alloc(5) }, { type: 18, value: Buffer.from([0xff]) }, { type: 97, value: Buffer.from([0, 129]) }, { type: 97, value: Buffer.from([0, 64, 1]) }])
  assert.is(valueOf(bad, 'Session-Timeout') ?? valueOf(bad, 'Framed-IP-Address') ?? valueOf(bad, 'Reply-Message') ?? valueOf(bad, 'Framed-IPv6-Prefix'), undefined)
  assert.is(decodeValue('prefix', hex('00 30 20 01 0d b8 00 01')), '2001:db8:1::/48')
  assert.equal(flatten([{ type: 26, value: hex('00000009 01 05 616263 01 03 64') }]).map(({ value }) => value.toString()), ['abc', 'd'])
  for (const inside of ['00000009', '00000009 01', '00000009 01 01', '00000009 01 09 61', '01000009 01 03 61']) assert.equal(flatten([{ type: 26, value: hex(inside) }]), [], inside)
  assert.is(valuesOf(flatten([attribute('Class', Buffer.from('a')), attribute('Class', Buffer.from('b'))]), 'Class').length, 2)
  assert.throws(() => attribute('User-Name', 'a'.repeat(254)), RangeError)
  assert.throws(() => attribute('Cisco-AVPair', 'a'.repeat(248)), RangeError)
  assert.throws(() => attribute('NAS-IP-Address', '::1'), RangeError)
  const keys = Object.values(DICTIONARY).map((one) => JSON.stringify(['vendor' in one ? one.vendor : 0, one.type]))
  assert.is(new Set(keys).size, keys.length)
})

test.run()
