import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  contains, endpointAddress, formatAddress, formatEndpoint, formatPrefix, netmask, nthAddress, overlaps, parseAddress, parseEndpoint, parsePrefix, prefixSize, sourceNetwork,
} from './address.ts'

const prefix = (text: string) => {
  const parsed = parsePrefix(text)
  if (!parsed) throw new Error(`${text} is not a prefix`)
  return parsed
}
const address = (text: string) => {
  const parsed = parseAddress(text)
  if (!parsed) throw new Error(`${text} is not an address`)
  return parsed
}

test('lenient spellings are refused', () => {
  for (const text of [
    '', '1', '127.1', '0x7f.1', '0x7f.0.0.1', '010.0.0.1', '1.2.3.256', '1.2.3.4.5', '1.2.3.', ' 1.2.3.4', '1.2.3.4 ', '１.2.3.4', '1.2.3.-4',
    ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', 'fd20::g', 'fd20::12345', 'fe80::1%eth0', '::1.2.3', '::1.2.3.256',
    '::ffff:010.0.0.1', '1.2.3.4::', `${'0'.repeat(50)}::`,
  ]) assert.is(parseAddress(text), undefined, text)
})

test('IPv6 text is written as RFC 5952 says', () => {
  for (const [given, want] of [
    ['0:0:0:0:0:0:0:0', '::'], ['::1', '::1'], ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fd20:0:0:0:0:0:0:1', 'fd20::1'], ['1:0:0:2:0:0:0:3', '1:0:0:2::3'], ['::ffff:192.0.2.1', '::ffff:192.0.2.1'], ['1::', '1::'], ['::1.2.3.4', '::102:304'],
  ] as const) assert.is(formatAddress(address(given)), want)
})

test('every address survives writing and reading', () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), fc.boolean(), (number, short) => {
    const given = short ? { family: 4 as const, value: number & 0xffffffffn } : { family: 6 as const, value: number }
    assert.equal(parseAddress(formatAddress(given)), given)
  }))
})

test('prefixes clear host bits and know their size', () => {
  assert.equal(prefix('10.20.0.5/16'), { family: 4, base: address('10.20.0.0').value, length: 16 })
  assert.is(formatPrefix(prefix('fd20::abcd/64')), 'fd20::/64')
  assert.is(prefixSize(prefix('10.0.0.0/30')), 4n)
  assert.is(formatPrefix(prefix('0.0.0.0/0')), '0.0.0.0/0')
  for (const text of ['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', 'fd20::/129', '10.0.0.0/8/8', '10.0.0.0/-1']) assert.is(parsePrefix(text), undefined, text)
})

test('containment, overlap and counting stay inside the prefix', () => {
  const pool = prefix('10.20.0.0/16')
  assert.ok(contains(pool, address('10.20.255.255')))
  assert.not.ok(contains(pool, address('10.21.0.0')))
  assert.not.ok(contains(pool, address('::a14:1')))
  assert.ok(overlaps(pool, prefix('10.20.3.0/24')) && overlaps(prefix('10.20.3.0/24'), pool))
  assert.not.ok(overlaps(pool, prefix('10.21.0.0/16')) || overlaps(prefix('10.19.0.0/16'), pool))
  assert.not.ok(overlaps(prefix('0.0.0.0/0'), prefix('::/0')))
  assert.is(formatAddress(nthAddress(pool, 1)!), '10.20.0.1')
  assert.is(nthAddress(pool, 65536), undefined)
  assert.is(nthAddress(pool, -1), undefined)
})

test('netmasks and endpoints', () => {
  assert.equal([0, 8, 16, 30, 32].map(netmask), ['0.0.0.0', '255.0.0.0', '255.255.0.0', '255.255.255.252', '255.255.255.255'])
  assert.equal(parseEndpoint('0.0.0.0:443'), { address: '0.0.0.0', port: 443 })
  assert.equal(parseEndpoint('[::]:443'), { address: '::', port: 443 })
  assert.is(formatEndpoint('::', 443), '[::]:443')
  assert.is(formatEndpoint('127.0.0.1', 0), '127.0.0.1:0')
  for (const text of [':443', '443', '0.0.0.0', '0.0.0.0:65536', '::443', '[0.0.0.0]:443', '[::]', 'localhost:443', '0.0.0.0:0443']) assert.is(parseEndpoint(text), undefined, text)
})

test('one source is an IPv4 address, mapped or not, or the /64 of an IPv6 address', () => {
  assert.is(sourceNetwork('192.0.2.1'), '192.0.2.1')
  assert.is(sourceNetwork('::ffff:192.0.2.1'), '192.0.2.1')
  assert.is(sourceNetwork('2001:db8:0:1::7'), sourceNetwork('2001:db8:0:1:ffff::'))
  assert.is.not(sourceNetwork('2001:db8:0:1::7'), sourceNetwork('2001:db8:0:2::7'))
})

test('the address of an endpoint is what went into it', () => {
  for (const one of ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1']) assert.is(endpointAddress(formatEndpoint(one, 443)), one)
})

test.run()
