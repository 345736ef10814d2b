import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { line, table } from './line.ts'
import { spread } from './statistics.ts'

const sides = (postern: number, ocserv: number) => ({ postern: spread([postern]), ocserv: spread([ocserv]) })

test('the ratio is above one where Postern is better, whichever way the figure counts', () => {
  assert.is(line('cpu', 'CPU-s/GB', 'less', sides(1, 3)).ratio, 3)
  assert.is(line('rate', 'Mbit/s', 'more', sides(300, 100)).ratio, 3)
})

test('a ratio is judged against both goals', () => {
  const verdict = (postern: number) => line('cpu', 'CPU-s/GB', 'less', sides(postern, 3), { must: 2, hard: 3 }).verdict
  assert.is(verdict(1), 'hard')
  assert.is(verdict(1.4), 'must')
  assert.is(verdict(1.6), 'missed')
})

test('a figure of its own is judged without ocserv', () => {
  const memory = (kb: number) => line('memory', 'kB', 'less', { postern: spread([kb]) }, { must: 25, hard: 15, of: 'figure' }).verdict
  assert.is(memory(15), 'hard')
  assert.is(memory(25), 'must')
  assert.is(memory(25.1), 'missed')
  const rate = (logins: number) => line('logins', '1/s', 'more', { postern: spread([logins]) }, { must: 1200, hard: 2500, of: 'figure' }).verdict
  assert.is(rate(1199), 'missed')
  assert.is(rate(2500), 'hard')
})

test('what was not measured misses every goal', () => {
  assert.is(line('rtt', 'ms', 'less', sides(Number.NaN, 1), { must: 1 }).verdict, 'missed')
  assert.is(line('rtt', 'ms', 'less', { postern: spread([1]) }, { must: 1 }).verdict, 'missed')
})

test('the table shows both sides, goals and verdicts', () => {
  const text = table([
    line('cpu', 'CPU-s/GB', 'less', sides(1, 3), { must: 2, hard: 4 }),
    line('start', 'MB', 'less', { postern: spread([70, 80, 90]) }, { must: 90, hard: 60, of: 'figure' }),
  ])
  assert.match(text, /cpu +CPU-s\/GB +1\.00 \(1\.00-1\.00\) +3\.00 \(3\.00-3\.00\) +3\.00x +2x +4x +must/)
  assert.match(text, /start +MB +80\.0 \(70\.0-90\.0\) +90 +60 +must/)
})

test('the median of an even number of samples lies between the middle ones', () => {
  assert.is(spread([4, 1, 3, 2]).median, 2.5)
  assert.is(spread([3, 1, 2]).median, 2)
  assert.ok(Number.isNaN(spread([]).median))
})

test.run()
