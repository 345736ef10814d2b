import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TestClock } from '../../core/testing.ts'
import { Clients } from './clients.ts'
import { TokenBucket } from './rate.ts'
import { framed, Framer } from './tcp-framer.ts'
import { session } from './testing.ts'

test('a bucket gives its burst, then its rate', () => {
  const bucket = new TokenBucket(10, 3, 0)
  assert.equal([0, 0, 0, 0, 50, 100, 100].map((now) => bucket.take(now)), [true, true, true, false, false, true, false])
  assert.equal([10_000, 10_000, 10_000, 10_000].map((now) => bucket.take(now)), [true, true, true, false], 'never more than the burst')
})

test('a stream is cut into messages whatever its pieces', () => {
  const stream = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('two and three'))])
  for (const size of [1, 2, 3, 7, stream.length]) {
    const framer = new Framer(100)
    const found: string[] = []
    for (let at = 0; at < stream.length; at += size) found.push(...(framer.push(stream.subarray(at, at + size)) ?? []).map(String))
    assert.equal(found, ['one', 'two and three'], `pieces of ${size}`)
  }
})
test('a message of no length or beyond the limit ends the stream, at its first two bytes', () => {
  assert.is(new Framer(100).push(Buffer.from([0, 0])), undefined)
  assert.is(new Framer(100).push(Buffer.from([0, 101])), undefined)
  const byByte = new Framer(100)
  assert.equal(byByte.push(Buffer.from([1])), [])
  assert.is(byByte.push(Buffer.from([1])), undefined)
  assert.is(new Framer(100).push(Buffer.concat([framed(Buffer.from('good')), Buffer.from([0, 101])])), undefined)
})

test('who asks is known by the addresses of tunnels, and the networks behind them, until the session ends', () => {
  const clients = new Clients(new TestClock())
  const alice = session('alice', '10.20.0.5')
  const router = session('router', '10.20.0.6', { policy: { iroute: ['192.168.7.0/24', 'fd07::/48'] } })
  clients.tunnelUp(alice)
  clients.tunnelUp(router)
  clients.tunnelUp(alice)
  const who = (address: string): string | undefined => clients.at(address)?.session.id
  assert.equal(['10.20.0.5', '10.20.0.6', '192.168.7.9', 'fd07::9', '192.168.8.9', '10.20.0.7'].map(who), ['alice', 'router', 'router', 'router', undefined, undefined])
  const changed = session('router', '10.20.0.6', { policy: { iroute: ['192.168.8.0/24'] } })
  clients.policyChanged(changed)
  assert.equal(['10.20.0.6', '192.168.7.9', '192.168.8.9'].map(who), ['router', undefined, 'router'])
  // The address goes on in another session before the older one is told to have ended.
  clients.tunnelUp(session('next', '10.20.0.5'))
  clients.sessionEnded(alice)
  clients.sessionEnded(changed)
  assert.equal(['10.20.0.5', '10.20.0.6', '192.168.8.9'].map(who), ['next', undefined, undefined])
})

test.run()
