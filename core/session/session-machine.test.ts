import { test } from 'uvu'
import * as assert from 'uvu/assert'
import fc from 'fast-check'
import type { TunnelHandle } from '../dataplane.ts'
import type { Goodbye } from './end-reasons.ts'
import { NEW_MACHINE, step, type Machine, type MachineEvent } from './session-machine.ts'

const handle = (number: number): TunnelHandle => number as TunnelHandle
const play = (...events: MachineEvent[]) => {
  let machine: Machine = NEW_MACHINE
  const effects = events.map((event) => {
    const result = step(machine, event)
    machine = result.machine
    return result.effects.map((effect) => Object.values(effect).join(' ')).join(', ')
  })
  return { phase: machine.phase, effects }
}
const start = (number: number, over: 'superseded' | 'sent-round' = 'superseded'): MachineEvent => ({ type: 'start', tunnel: handle(number), over })
const up = (number: number): MachineEvent => ({ type: 'up', tunnel: handle(number) })
const down = (number: number, goodbye?: Goodbye): MachineEvent => ({ type: 'down', tunnel: handle(number), reason: goodbye ? 'peer-disconnect' : 'eof', goodbye })
const dtlsUp = (number: number): MachineEvent => ({ type: 'dtls-up', tunnel: handle(number) })
const dtlsDown = (number: number): MachineEvent => ({ type: 'dtls-down', tunnel: handle(number), reason: 'dpd' })
const END: MachineEvent = { type: 'end', cause: 'admin' }

test('the table, row by row', () => {
  assert.equal(play(start(1), up(1), down(1)), { phase: 'waiting', effects: ['promote 1', 'tell-up', 'tell-down eof'] })
  assert.equal(play(start(1), down(1)), { phase: 'waiting', effects: ['promote 1', 'tell-failed eof'] })
  assert.equal(play(start(1), up(1), down(1, 'quit')), { phase: 'ended', effects: ['promote 1', 'tell-up', 'tell-down user, tell-ended user'] })
  assert.equal(play(start(1), up(1), down(1, 'paused')), { phase: 'waiting', effects: ['promote 1', 'tell-up', 'tell-down peer-disconnect'] })
  assert.is(play(start(1), up(1), start(2, 'sent-round')).effects.at(-1), 'close 1, tell-down sent-round, promote 2')
  assert.equal(play(start(1), start(2), up(1), up(2)), { phase: 'tls', effects: ['promote 1', 'close 1, promote 2', '', 'tell-up'] })
  assert.equal(play(start(1), up(1), start(2), down(1, 'quit'), up(2)), { phase: 'tls', effects: ['promote 1', 'tell-up', 'close 1, tell-down superseded, promote 2', '', 'tell-up'] })
  assert.equal(play(start(1), up(1), END, down(1), up(1), start(2), END), { phase: 'ended', effects: ['promote 1', 'tell-up', 'drop 1, tell-down admin, tell-ended admin', '', '', '', ''] })
  assert.equal(play(END), { phase: 'ended', effects: ['tell-ended admin'] })
})

test('D01 G13 the DTLS channel comes and goes inside its tunnel, and goes with it', () => {
  assert.equal(play(start(1), up(1), dtlsUp(1), dtlsDown(1), dtlsUp(1), down(1)), { phase: 'waiting', effects: ['promote 1', 'tell-up', 'tell-dtls-up', 'tell-dtls-down dpd', 'tell-dtls-up', 'tell-down eof'] })
  assert.equal(play(start(1), up(1), dtlsUp(1), dtlsUp(1), down(1, 'quit')), { phase: 'ended', effects: ['promote 1', 'tell-up', 'tell-dtls-up', '', 'tell-down user, tell-ended user'] })
  assert.equal(play(start(1), up(1), dtlsUp(1), start(2), dtlsDown(1), up(2), dtlsDown(1), dtlsUp(1)), { phase: 'tls', effects: ['promote 1', 'tell-up', 'tell-dtls-up', 'close 1, tell-down superseded, promote 2', '', 'tell-up', '', ''] })
  assert.equal(play(start(1), dtlsUp(1), up(1), dtlsDown(1)), { phase: 'tls', effects: ['promote 1', '', 'tell-up', ''] })
  assert.equal(play(start(1), up(1), dtlsUp(1), END, dtlsDown(1)), { phase: 'ended', effects: ['promote 1', 'tell-up', 'tell-dtls-up', 'drop 1, tell-down admin, tell-ended admin', ''] })
})

test('D09 in any order of events one tunnel lives at most, ups and downs alternate, the end comes once', () => {
  const event = fc.oneof(
    fc.constant({ type: 'start' as const, over: 'superseded' as const }),
    fc.record({ type: fc.constantFrom('up' as const, 'dtls-up' as const, 'dtls-down' as const), which: fc.nat(3) }),
    fc.record({ type: fc.constant('down' as const), which: fc.nat(3), goodbye: fc.constantFrom(undefined, 'quit' as const, 'paused' as const, 'other' as const) }),
    fc.record({ type: fc.constant('end' as const), really: fc.integer({ min: 0, max: 9 }) }),
  )
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    let machine: Machine = NEW_MACHINE
    let last = 0
    let isUp = false
    let onDtls = false
    let ends = 0
    const live = new Set<TunnelHandle>()
    for (const one of events) {
      if (one.type === 'end' && one.really > 0) continue
      const given: MachineEvent = one.type === 'start' ? start(++last) : one.type === 'up' ? up(last - one.which) : one.type === 'dtls-up' ? dtlsUp(last - one.which) : one.type === 'dtls-down' ? dtlsDown(last - one.which) : one.type === 'down' ? down(last - one.which, one.goodbye) : END
      if (given.type === 'down') live.delete(given.tunnel)
      const result = step(machine, given)
      machine = result.machine
      for (const effect of result.effects) {
        assert.not.ok(ends > 0, 'nothing after the end')
        if (effect.do === 'close' || effect.do === 'drop') live.delete(effect.tunnel)
        if (effect.do === 'promote') live.add(effect.tunnel)
        if (effect.do === 'tell-up') { assert.not.ok(isUp); isUp = true }
        if (effect.do === 'tell-dtls-up') { assert.ok(isUp && !onDtls); onDtls = true }
        if (effect.do === 'tell-dtls-down') { assert.ok(isUp && onDtls); onDtls = false }
        if (effect.do === 'tell-failed') assert.not.ok(isUp)
        if (effect.do === 'tell-down') { assert.ok(isUp); isUp = onDtls = false }
        if (effect.do === 'tell-ended') ends++
        assert.ok(live.size <= 1)
      }
      assert.is(isUp, machine.phase === 'tls' || machine.phase === 'dtls')
      assert.is(onDtls, machine.phase === 'dtls')
      assert.is(ends, machine.phase === 'ended' ? 1 : 0)
      assert.is(machine.tunnel !== undefined, isUp || machine.phase === 'connecting')
      if (machine.tunnel !== undefined) assert.equal([...live], [machine.tunnel])
    }
  }), { numRuns: 500 })
})

test.run()
