import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Dialogue } from './dialogue.ts'
import { DIALOGUE_LIMITS, Dialogues } from './dialogues.ts'
import { group, loginContext, TestClock } from './testing.ts'

const nobody = loginContext('')
const value = { dialogue: new Dialogue({ alternatives: [], context: nobody }), chosen: { group: group('default'), by: 'default' as const }, facts: { capabilities: [], certificateMissing: false } }

test('a handle is 256 random bits and finds its dialogue until the time is up', () => {
  const clock = new TestClock()
  const dialogues = new Dialogues(clock, () => 1000)
  const open = dialogues.add('192.0.2.1', value)
  assert.match(open.handle, /^[0-9a-f]{64}$/)
  assert.is(dialogues.get(open.handle), open)
  assert.is(dialogues.get(`${open.handle.slice(0, 63)}${open.handle.endsWith('0') ? '1' : '0'}`), undefined)
  assert.is(dialogues.get(undefined), undefined)
  clock.time += 999
  assert.is(dialogues.get(open.handle), open)
  clock.time += 1
  assert.is(dialogues.get(open.handle), undefined)
  assert.is(dialogues.size, 0)
})
test('G27 one address holds at most its share, and only its own oldest gives way', () => {
  const dialogues = new Dialogues(new TestClock(), () => 1000)
  const other = dialogues.add('192.0.2.9', value)
  const opened = Array.from({ length: DIALOGUE_LIMITS.perAddress + 5 }, () => dialogues.add('192.0.2.1', value))
  assert.is(dialogues.size, DIALOGUE_LIMITS.perAddress + 1)
  assert.is(dialogues.evicted, 5)
  assert.is(dialogues.get(opened[4]?.handle), undefined)
  assert.ok(dialogues.get(opened[5]?.handle))
  assert.ok(dialogues.get(other.handle))
})
test('an IPv6 /64 is one address, and a mapped IPv4 address is itself', () => {
  const dialogues = new Dialogues(new TestClock(), () => 1000)
  for (let host = 0; host <= DIALOGUE_LIMITS.perAddress; host++) dialogues.add(`2001:db8:0:1::${host.toString(16)}`, value)
  assert.is(dialogues.evicted, 1)
  dialogues.add('2001:db8:0:2::1', value)
  assert.is(dialogues.evicted, 1)
  for (let host = 0; host < DIALOGUE_LIMITS.perAddress; host++) dialogues.add(host % 2 ? '::ffff:192.0.2.1' : '192.0.2.1', value)
  assert.is(dialogues.evicted, 1)
  dialogues.add('192.0.2.1', value)
  assert.is(dialogues.evicted, 2)
})
test('there are never more than the total', () => {
  const dialogues = new Dialogues(new TestClock(), () => 1000)
  const first = dialogues.add('10.0.0.1', value)
  for (let index = 0; index < DIALOGUE_LIMITS.total; index++) dialogues.add(`10.${index >> 8}.${index & 255}.2`, value)
  assert.is(dialogues.size, DIALOGUE_LIMITS.total)
  assert.is(dialogues.get(first.handle), undefined)
})
test('G27 at the total the oldest of the most crowded address gives way, not the oldest of all', () => {
  const dialogues = new Dialogues(new TestClock(), () => 1000)
  const person = dialogues.add('198.51.100.9', value)
  const crowd = Array.from({ length: DIALOGUE_LIMITS.total + 100 }, (_, index) => dialogues.add(`10.0.0.${Math.floor(index / DIALOGUE_LIMITS.perAddress)}`, value))
  assert.is(dialogues.size, DIALOGUE_LIMITS.total)
  assert.ok(dialogues.get(person.handle))
  assert.is(dialogues.get(crowd[0]?.handle), undefined)
})

test.run()
