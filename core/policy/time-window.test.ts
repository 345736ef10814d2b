import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseTimeWindow } from './time-window.ts'

test('G27 days and hours of a window', () => {
  assert.equal(parseTimeWindow('mon-fri 08:00-18:00'), { days: [1, 2, 3, 4, 5], from: 480, to: 1080 })
  assert.equal(parseTimeWindow('sat,mon 22:30-04:00'), { days: [1, 6], from: 1350, to: 240 })
  assert.equal(parseTimeWindow('fri-mon 00:00-24:00'), { days: [0, 1, 5, 6], from: 0, to: 1440 })
  for (const text of ['', 'mon', 'mon 8:00-9:00', 'mon 08:00-25:00', 'mon 24:00-09:00', 'mo 08:00-09:00', 'mon-tue-wed 08:00-09:00', 'mon, tue 08:00-09:00', 'mon 08:60-09:00', 'mon 08:00-09:00 x']) assert.is(parseTimeWindow(text), undefined, text)
})

test.run()
