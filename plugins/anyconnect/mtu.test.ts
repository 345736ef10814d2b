import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tunnelMtu } from './mtu.ts'

const mtu = (baseMtu: string | undefined, wanted: string | undefined, limit = 9000, outer: 4 | 6 = 4): number => tunnelMtu({ baseMtu, mtu: wanted, outer, limit }).mtu

test('D12 the table of protocol section 7.3', () => {
  assert.is(mtu('1500', undefined), 1434)
  assert.is(mtu('1500', undefined, 9000, 6), 1414)
  assert.is(mtu('1420', undefined), 1354)
})
test('D12 a channel with more overhead lowers the MTU, one with less leaves it', () => {
  const fits = (overhead: number, outer: 4 | 6): number => tunnelMtu({ baseMtu: '1500', mtu: undefined, outer, limit: 9000, overhead }).mtu
  assert.is(fits(8 + 65 + 1, 4), 1406)
  assert.is(fits(8 + 65 + 1, 6), 1386)
  assert.is(fits(8 + 29 + 1, 4), 1434)
})
test('the smallest of policy, wish and path wins', () => {
  assert.is(mtu('1500', '1390'), 1390)
  assert.is(mtu('1500', '1390', 1300), 1300)
  assert.is(mtu(undefined, undefined, 1400), 1400)
  assert.is(mtu('16384', undefined, 1400), 1400)
})
test('D12 the gateway\'s own way to the client is an upper bound, at least 576', () => {
  const path = (pathMtu: number, baseMtu?: string): readonly number[] => {
    const { baseMtu: base, mtu } = tunnelMtu({ baseMtu, mtu: undefined, outer: 4, limit: 9000, pathMtu })
    return [base, mtu]
  }
  assert.equal(path(1492), [1492, 1426])
  assert.equal(path(1492, '1400'), [1400, 1334])
  assert.equal(path(65_535), [1500, 1434])
  assert.equal(path(9000, '9000'), [9000, 8934])
  assert.equal(path(1000), [1000, 934])
  assert.equal(path(1), [576, 576])
})
test('hints out of range count as absent', () => {
  for (const base of ['0', '1', '-1', '1279', '16385', '4294967296', '99999999999999', '0x5dc', '1500.5', '', 'abc']) {
    assert.equal(tunnelMtu({ baseMtu: base, mtu: undefined, outer: 4, limit: 1400 }), { baseMtu: 1500, mtu: 1400 }, base)
  }
  for (const wanted of ['0', '575', '16385', '4294967296', '1e3', '']) assert.is(mtu('1500', wanted, 1400), 1400, wanted)
  assert.is(mtu('1500', '576', 1400), 576)
  assert.is(tunnelMtu({ baseMtu: '1280', mtu: undefined, outer: 6, limit: 1400 }).mtu, 1280 - 40 - 8 - 37 - 1)
})

test.run()
