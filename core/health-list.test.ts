import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HealthList } from './health-list.ts'
import { TestClock, TestLog } from './testing.ts'

test('an entry keeps its time while it stands, and is logged when it changes only', () => {
  const clock = new TestClock(Date.UTC(2026, 0, 1))
  const log = new TestLog()
  const health = new HealthList(clock, log)
  health.raise('DISK', 'warning', 'nearly full')
  clock.advance(60_000)
  health.raise('DISK', 'warning', 'nearly full')
  health.raise('DISK', 'error', 'full')
  assert.equal(health.list(), [{ code: 'DISK', severity: 'error', text: 'full', since: '2026-01-01T00:00:00.000Z' }])
  assert.equal(log.lines.map((line) => line.level), ['warn', 'error'])
  health.clear('DISK')
  health.clear('DISK')
  assert.equal(health.list(), [])
  assert.is(log.lines.length, 3)
})

test.run()
