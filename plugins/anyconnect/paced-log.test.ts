import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LogFields } from '../../core/api.ts'
import { PacedLog } from './paced-log.ts'
import { TestClock } from './testing.ts'

test('one line a second, with the number of those in between', () => {
  const clock = new TestClock()
  const lines: LogFields[] = []
  const log = new PacedLog(clock, (fields) => void lines.push(fields))
  for (let peer = 0; peer < 100; peer++) log.line({ peer })
  assert.equal(lines, [{ peer: 0 }])
  clock.time += 999
  log.line({ peer: 100 })
  clock.time += 1
  log.line({ peer: 101 })
  clock.time += 1000
  log.line({ peer: 102 })
  assert.equal(lines, [{ peer: 0 }, { peer: 101, suppressed: 100 }, { peer: 102 }])
})

test.run()
