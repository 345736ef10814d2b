import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError } from '../errors.ts'
import { assignPolicy, readPolicy, unsetPolicy } from './assignment.ts'

const refusal = (fn: () => unknown): string => {
  try {
    fn()
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'USAGE') return error.message
    throw error
  }
  return 'accepted'
}

test('values are written as in the file, lists with commas, without quotes that a shell would eat', () => {
  const written = assignPolicy({}, ['dpd=10s', 'mtu=1300', 'dtls=false', 'dns=10.0.0.1, 10.0.0.2', 'search=', 'banner=Hello, all = welcome', 'split-include=["10.1.0.0/16"]', 'rate-up=50 Mbit/s'])
  assert.equal(written, { dpd: '10s', mtu: 1300, dtls: false, dns: ['10.0.0.1', '10.0.0.2'], search: [], banner: 'Hello, all = welcome', 'split-include': ['10.1.0.0/16'], 'rate-up': '50 Mbit/s' })
  assert.equal(readPolicy(written).dpdSec, 10)
  assert.equal(readPolicy(written).rateUp, 6_250_000)
})

test('+= appends to the layer\'s own list, or to what lies below it; an entry stands once', () => {
  assert.equal(assignPolicy({ dns: ['10.0.0.1'] }, ['dns+=10.0.0.2,10.0.0.1']), { dns: ['10.0.0.1', '10.0.0.2'] })
  const below = assignPolicy({}, ['dns+=10.0.0.2'])
  assert.equal(below, { dns: { append: ['10.0.0.2'] } })
  assert.equal(assignPolicy(below, ['dns+=10.0.0.3', 'dns+=10.0.0.2']), { dns: { append: ['10.0.0.2', '10.0.0.3'] } })
  assert.equal(readPolicy(below), { append: { dns: ['10.0.0.2'] } })
  assert.equal(assignPolicy(below, ['dns=10.0.0.9']), { dns: ['10.0.0.9'] })
})

test('what is taken away was there', () => {
  assert.equal(unsetPolicy({ dpd: '10s', mtu: 1300 }, ['dpd']), { mtu: 1300 })
  assert.is(refusal(() => unsetPolicy({ mtu: 1300 }, ['dpd'])), 'dpd is not set')
})

test('each refusal is one line that names the key', () => {
  for (const [assignment, message] of [
    ['dpd', /is not KEY=VALUE or KEY\+=VALUE/], ['=5', /is not KEY=VALUE/], ['ddp=10s', /no policy key "ddp"; did you mean "dpd"\?/], ['dpd=10', /^dpd: "10" is not a duration/],
    ['mtu=12', /^mtu: must be at least 576/], ['dtls=perhaps', /^dtls: must be true or false/], ['dns=10.0.0.1,no', /^dns\[1\]: "no" is not an IPv4 or IPv6 address/],
    ['mtu+=5', /mtu is no list/], ['banner="open', /is not a value of TOML/], ['dns={ append = 5 }', /^dns/],
  ] as const) assert.match(refusal(() => assignPolicy({}, [assignment])), message, assignment)
})

test.run()
