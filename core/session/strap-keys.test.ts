import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TestClock } from '../testing.ts'
import { followedBy, packKeys, unpackKeys } from './strap-keys.ts'
import { login, SessionRig } from './testing.ts'

const key = (seed: number): Buffer => Buffer.alloc(91, seed)
const seeds = (keys: readonly Uint8Array[] | undefined): readonly (number | undefined)[] => (keys ?? []).map(([seed]) => seed)

test('the key of the login and the last two that followed are kept', () => {
  let keys = followedBy([key(0)], key(1))
  assert.equal(seeds(keys), [0, 1])
  keys = followedBy(keys, key(2))
  assert.equal(seeds(keys), [0, 1, 2])
  assert.equal(seeds(followedBy(keys, key(3))), [0, 2, 3])
  assert.equal(seeds(followedBy([], key(1))), [1])
})

test('keys go through the row, and what is no row of keys is refused', () => {
  const keys = [key(0), key(1)]
  assert.equal(unpackKeys(packKeys(keys)), keys)
  assert.equal([packKeys([]), unpackKeys(null)], [null, []])
  assert.throws(() => unpackKeys(Buffer.alloc(90)), /no keys/)
})

test('D13 a killed gateway knows the keys of its clients, the newest too', () => {
  const first = new SessionRig()
  const [session, old] = [first.table.create({ ...login(), strapKey: key(0) }), first.table.create(login('eve'))]
  first.table.claimLeases(session, { ipv4: true, ipv6: true })
  first.table.followStrapKey(session, key(1))
  first.table.followStrapKey(session, key(2))
  first.kill()
  const second = new SessionRig({ directory: first.directory, clock: new TestClock(first.clock.now() + 2000) })
  assert.equal(seeds(second.table.get(session.id)?.strapKeys), [0, 1, 2])
  assert.equal(second.table.get(old.id)?.strapKeys, [])
  second.stop()
})

test.run()
