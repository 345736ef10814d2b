import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthContext } from '../../core/api.ts'
import { TestClock } from '../../core/testing.ts'
import { PENDING_LIMITS, PENDING_MS, PendingLogins } from './pending-logins.ts'
import type { SpUrls } from './sp-urls.ts'

const from = (peer: string): AuthContext => ({ peer, group: 'staff', origin: 'https://vpn.example.com', userAgent: 'test', capabilities: [], certificates: [], certificateMissing: false })
const urls = {} as SpUrls

test('G27 one network holds at most its share, and only its own oldest gives way', () => {
  const pending = new PendingLogins(new TestClock())
  const other = pending.open('code', urls, from('198.51.100.9'))
  const crowd = Array.from({ length: PENDING_LIMITS.perNetwork + 3 }, () => pending.open('code', urls, from('192.0.2.1')))
  assert.is(pending.size, PENDING_LIMITS.perNetwork + 1)
  assert.is(pending.get(crowd[2]?.id ?? ''), undefined)
  assert.ok(pending.get(crowd[3]?.id ?? ''))
  assert.ok(pending.get(other.id))
})
test('G27 at the total the most crowded network gives way, not the oldest of all', () => {
  const clock = new TestClock()
  const pending = new PendingLogins(clock)
  const person = pending.open('embedded', urls, from('198.51.100.9'))
  const crowd = Array.from({ length: PENDING_LIMITS.total + 50 }, (_, index) => pending.open('embedded', urls, from(`10.0.0.${Math.floor(index / PENDING_LIMITS.perNetwork)}`)))
  assert.is(pending.size, PENDING_LIMITS.total)
  assert.ok(pending.get(person.id))
  assert.is(pending.get(crowd[0]?.id ?? ''), undefined)
  clock.advance(PENDING_MS)
  assert.is(pending.get(person.id), undefined)
  assert.is(pending.size, 0)
})

test.run()
