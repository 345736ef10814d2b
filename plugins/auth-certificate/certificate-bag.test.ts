import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { certificatesIn } from './certificate-bag.ts'
import { MAX_CERTIFICATES } from './chain-limits.ts'

const tlv = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
const CERTIFICATE = tlv(0x30, Buffer.alloc(200, 7))
const SIGNED_DATA = tlv(0x06, Buffer.from('2a864886f70d010702', 'hex'))
const bag = (certificates: readonly Uint8Array[], kind = SIGNED_DATA): Buffer =>
  tlv(0x30, kind, tlv(0xa0, tlv(0x30, Buffer.from([2, 1, 1]), tlv(0x31), tlv(0x30, tlv(0x06, Buffer.from('2a864886f70d010701', 'hex'))), tlv(0xa0, ...certificates), tlv(0x31))))

test('the certificates come out as they are, in their order', () => {
  assert.equal(certificatesIn(bag([CERTIFICATE, tlv(0x30, Buffer.from([1]))])), [CERTIFICATE, tlv(0x30, Buffer.from([1]))])
  const corpus = new URL('../../test/fuzz/corpus/certificate/', import.meta.url)
  assert.is(certificatesIn(readFileSync(new URL('bag', corpus)))?.length, 1)
  assert.is(certificatesIn(readFileSync(new URL('bag-of-two', corpus)))?.length, 2)
})
test('at most ten; none is none', () => {
  assert.is(certificatesIn(bag(Array.from({ length: MAX_CERTIFICATES }, () => CERTIFICATE)))?.length, MAX_CERTIFICATES)
  assert.is(certificatesIn(bag(Array.from({ length: MAX_CERTIFICATES + 1 }, () => CERTIFICATE))), undefined)
  assert.is(certificatesIn(bag([])), undefined)
})
test('another content, another tag, an indefinite length, something behind: no bag', () => {
  const good = bag([CERTIFICATE])
  const indefinite = Buffer.concat([Buffer.from([0x30, 0x80]), good.subarray(4), Buffer.from([0, 0])])
  for (const bytes of [bag([CERTIFICATE], tlv(0x06, Buffer.from('2a864886f70d010701', 'hex'))), bag([tlv(0x31, Buffer.alloc(9))]), Buffer.concat([good, Buffer.from([0])]), indefinite, CERTIFICATE, Buffer.alloc(0)]) assert.is(certificatesIn(bytes), undefined)
})
test('cut off at any place it is no bag', () => {
  const good = bag([CERTIFICATE, CERTIFICATE])
  for (let length = 0; length < good.length; length++) assert.is(certificatesIn(good.subarray(0, length)), undefined, String(length))
})

test.run()
