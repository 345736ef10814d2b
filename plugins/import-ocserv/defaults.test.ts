import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultsOf, versionOf } from './defaults.ts'

test('a release is read as the last one before which a default changed', () => {
  assert.equal(['1.1', '1.1.6', '1.3.0', '1.4.1', '1.4.2', '1.4.9', '1.5.0', '1.12'].map(versionOf), ['1.1', '1.1', '1.3', '1.4', '1.4.2', '1.4.2', '1.5', '1.5'])
  for (const other of ['', '0.12', '1', '1.0', '2.0', 'newest', '1.1.6-3']) assert.is(versionOf(other), undefined, other)
})

test('F08 the defaults of ocserv 1.1.6 are those it tells its clients', () => {
  const defaults = new Map(defaultsOf('1.1'))
  assert.equal(['dpd', 'mobile-dpd', 'keepalive', 'rekey-time'].map((option) => defaults.get(option)), ['60', '60', '3600', '86400'])
})

test.run()
