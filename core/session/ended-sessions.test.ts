import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ENDED_KEPT, EndedSessions } from './ended-sessions.ts'

test('the last ends are remembered, the oldest go', () => {
  const ended = new EndedSessions()
  for (let at = 0; at < ENDED_KEPT + 10; at++) ended.add({ id: `s${at}`, user: 'bob', cause: 'user' })
  assert.is(ended.get('s9'), undefined)
  assert.equal(ended.get('s10'), { id: 's10', user: 'bob', cause: 'user' })
  assert.is(ended.get(`s${ENDED_KEPT + 9}`)?.cause, 'user')
})

test.run()
