import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TestClock } from '../../core/testing.ts'
import { FailureBook } from './failure-book.ts'
import { pairOf } from './place.ts'
import { BOUNDS } from './thresholds.ts'

test('G27 a flood from 100,000 addresses, each with a name of its own, takes bounded memory and does not wash the guilty away', () => {
  const book = new FailureBook(new TestClock(), () => 86_400_000)
  const fail = (account: string, network: string): void => {
    book.failedPair(pairOf(account, network))
    book.failedNetwork(network, account, false)
  }
  for (let time = 0; time < 10; time++) fail('alice', '192.0.2.7')
  for (let at = 0; at < 100_000; at++) fail(`u${at}`, `${11 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}.1`)
  const { pairs, networks } = BOUNDS
  assert.equal(book.size, { pairs, accounts: 0, networks, sites: 0 })
  assert.equal([book.ofPair(pairOf('alice', '192.0.2.7')), book.ofNetwork('192.0.2.7')], [10, 11])
})

test('G27 the names of a network are remembered up to a bound; beyond it each counts as new', () => {
  const book = new FailureBook(new TestClock(), () => 86_400_000)
  for (let at = 0; at < BOUNDS.namesOfNetwork + 6; at++) book.failedNetwork('n', `u${at}`, false)
  const failure = book.failedNetwork('n', 'u69', false)
  assert.equal([failure.names, failure.failures, failure.points], [BOUNDS.namesOfNetwork, 71, 142])
  assert.is(book.failedNetwork('n', 'u0', false).points, 143)
})

test.run()
