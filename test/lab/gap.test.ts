import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gapOf } from './gap.ts'

const line = (at: number, seq: number): string => `[${at.toFixed(6)}] 64 bytes from 10.88.0.2: icmp_seq=${seq} ttl=63 time=0.5 ms\n`

test('the gap is the longest time between two answers; what was refused is no answer', () => {
  const output = `PING 10.88.0.2\n${line(100.1, 1)}${line(100.2, 2)}[100.300000] From 10.77.0.1 icmp_seq=3 Destination Host Unreachable\n${line(103.7, 30)}${line(103.8, 31)}
--- 10.88.0.2 ping statistics ---
31 packets transmitted, 4 received, 87% packet loss, time 4000ms\n`
  const { seconds, sent, lost } = gapOf(output)
  assert.equal([seconds.toFixed(3), sent, lost], ['3.500', 31, 27])
})

test('what was sent at the very end is no loss, a path that stays silent is', () => {
  const ended = (sent: number, answered: number): string => Array.from({ length: answered }, (_, index) => line(100 + index / 20, index + 1)).join('') + `${sent} packets transmitted, ${answered} received, 1% packet loss`
  assert.is(gapOf(ended(12, 10)).lost, 0)
  assert.is(gapOf(ended(40, 10)).lost, 30)
  assert.is(gapOf(ended(40, 10), 1).lost, 0)
})

test('no answer, no gap', () => {
  assert.equal(gapOf(''), { seconds: 0, sent: 0, lost: 0 })
})

test.run()
