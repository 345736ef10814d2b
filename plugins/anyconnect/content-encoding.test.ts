import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConnectRequest } from '../../core/api.ts'
import { contentEncoding } from './content-encoding.ts'

const chosen = (...offers: readonly string[]): string | undefined =>
  contentEncoding({ headers: new Map(offers.length === 0 ? [] : [['x-cstp-accept-encoding', offers]]) } as unknown as ConnectRequest)

test('G15 of what real clients offer: LZ4 with openconnect, LZS with Cisco, deflate only where there is nothing else', () => {
  assert.is(chosen('oc-lz4,lzs'), 'oc-lz4')
  assert.is(chosen('oc-lz4,lzs,deflate'), 'oc-lz4')
  assert.is(chosen('lzs,deflate'), 'lzs')
  assert.is(chosen('lzs'), 'lzs')
  assert.is(chosen('deflate'), 'deflate')
  assert.is(chosen('deflate, lzs , OC-LZ4'), 'oc-lz4')
  assert.is(chosen('deflate', 'lzs'), 'lzs')
})
test('G15 nothing is answered to who offers nothing that we know', () => {
  for (const offers of [[], [''], ['identity'], ['gzip,br'], ['lz4'], ['lzs2'], [','.repeat(1000)], [`${'x,'.repeat(16)}lzs`]]) assert.is(chosen(...offers), undefined, JSON.stringify(offers))
})

test.run()
