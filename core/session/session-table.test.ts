import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { GatewayError } from '../errors.ts'
import type { Session } from './session.ts'
import { login, SessionRig, type RigOptions } from './testing.ts'

const MINUTE = 60_000
const rigs: SessionRig[] = []
const rig = (options?: RigOptions): SessionRig => {
  const made = new SessionRig(options)
  rigs.push(made)
  return made
}
test.after.each(() => {
  for (const one of rigs.splice(0)) one.stop()
})
const codeOf = (fn: () => unknown): string => {
  try {
    fn()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
  return 'nothing was thrown'
}
const BOTH = { ipv4: true, ipv6: true }
const refusal = (one: SessionRig, cookie: string): string => {
  const found = one.table.byCookie(cookie)
  return 'refused' in found ? found.refused : `session of ${found.session.user}`
}

test('G09 a session gets both families with one number, and the same at every CONNECT', () => {
  const { table } = rig()
  const session = table.create(login())
  const leases = table.claimLeases(session, BOTH)
  assert.equal(leases, { ipv4: { address: '10.20.0.2', prefix: 16 }, ipv6: { address: 'fd20::2', prefix: 64 } })
  assert.equal(table.claimLeases(session, { ipv4: true, ipv6: false }), leases)
  assert.equal(session.leases, leases)
})

test('G09 one family where one was asked or the pool has one', () => {
  const one = rig()
  assert.equal(one.table.claimLeases(one.table.create(login()), { ipv4: true, ipv6: false }), { ipv4: { address: '10.20.0.2', prefix: 16 } })
  assert.equal(one.table.claimLeases(one.table.create(login('eve')), { ipv4: false, ipv6: true }), { ipv6: { address: 'fd20::2', prefix: 64 } })
  const old = rig({ pool: { ipv6: undefined } })
  assert.equal(old.table.claimLeases(old.table.create(login()), BOTH), { ipv4: { address: '10.20.0.2', prefix: 16 } })
  assert.is(codeOf(() => old.table.claimLeases(old.table.create(login('eve')), { ipv4: false, ipv6: true })), 'POOL_EXHAUSTED')
})

test('G09 an exhausted pool is a clear error that names it, and costs the other family nothing', () => {
  const { table } = rig({ pool: { ipv4: '192.0.2.0/29' } })
  for (let at = 0; at < 5; at++) table.claimLeases(table.create(login(`u${at}`)), BOTH)
  const late = table.create(login('late'))
  assert.throws(() => table.claimLeases(late, BOTH), (error: Error) => error instanceof GatewayError && error.code === 'POOL_EXHAUSTED' && /pool default has no free IPv4 address: 5 of 5/.test(error.message))
  assert.equal(table.claimLeases(late, { ipv4: false, ipv6: true }), { ipv6: { address: 'fd20::7', prefix: 64 } })
})

test('G09 an address rests in quarantine, but its own user gets it again at once', () => {
  const { table, clock } = rig({ pool: { ipv4: '192.0.2.0/30', quarantineSec: 300 } })
  const first = table.create(login())
  table.claimLeases(first, { ipv4: true, ipv6: false })
  table.end(first.id, 'user')
  const eve = table.create(login('eve'))
  assert.is(codeOf(() => table.claimLeases(eve, { ipv4: true, ipv6: false })), 'POOL_EXHAUSTED')
  const again = table.create(login())
  assert.is(table.claimLeases(again, { ipv4: true, ipv6: false }).ipv4?.address, '192.0.2.2')
  table.end(again.id, 'user')
  clock.advance(299_000)
  assert.is(codeOf(() => table.claimLeases(eve, { ipv4: true, ipv6: false })), 'POOL_EXHAUSTED')
  clock.advance(1000)
  assert.is(table.claimLeases(table.create(login('eve')), { ipv4: true, ipv6: false }).ipv4?.address, '192.0.2.2')
})

test('G09 two devices of one user keep their own addresses', () => {
  const { table } = rig()
  const claim = (uniqueId: string): readonly [Session, string | undefined] => {
    const session = table.create(login('bob', { uniqueId }))
    return [session, table.claimLeases(session, BOTH).ipv4?.address]
  }
  const [laptop, laptopAddress] = claim('laptop')
  const [phone, phoneAddress] = claim('phone')
  table.end(laptop.id, 'user')
  table.end(phone.id, 'user')
  assert.is(claim('phone')[1], phoneAddress)
  assert.is(claim('laptop')[1], laptopAddress)
})

test('ten thousand leases of a /16 differ and are found again', () => {
  const { table, opened } = rig()
  const addresses = new Set<string | undefined>()
  opened.store.write(() => {
    for (let at = 0; at < 10_000; at++) addresses.add(table.claimLeases(table.create(login(`u${at}`)), BOTH).ipv4?.address)
  })
  assert.is(addresses.size, 10_000)
  assert.is(table.list().length, 10_000)
})

test('G07 the cookie finds its session, with a fresh nonce each time', () => {
  const one = rig()
  const session = one.table.create(login())
  const [a, b] = [one.table.cookie(session), one.table.cookie(session)]
  assert.is.not(a, b)
  assert.is(refusal(one, a), 'session of bob')
  assert.is(refusal(one, b), 'session of bob')
})

test('G07 cookies that are malformed, forged, foreign, expired, of an ended session are refused', () => {
  const [one, other] = [rig({ policy: { sessionTimeoutSec: 3600, disconnectedTimeoutSec: 86_400, idleTimeoutSec: 0 } }), rig()]
  assert.is(refusal(one, ''), 'malformed')
  assert.is(refusal(one, 'A'.repeat(10_000_000)), 'malformed')
  assert.is(refusal(one, other.table.cookie(other.table.create(login()))), 'forged')
  const session = one.table.create(login())
  one.table.claimLeases(session, BOTH)
  const cookie = one.table.cookie(session)
  one.table.end(session.id, 'user')
  assert.is(refusal(one, cookie), 'terminated')
  one.clock.advance(3600_000)
  assert.is(refusal(one, cookie), 'expired')
})

test('G07 the time of a session ends its cookie, before the tick too', () => {
  const one = rig({ policy: { sessionTimeoutSec: 1 } })
  const session = one.table.create(login())
  const cookie = one.table.cookie(session)
  one.table.stop()
  one.clock.advance(1000)
  assert.is(refusal(one, cookie), 'expired')
  assert.is(one.table.get(session.id), undefined)
})

test('G07 keys that rotate do not break a living session', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session)
  const cookie = one.table.cookie(session)
  for (let day = 0; day < 3; day++) one.clock.advance(25 * 3600_000)
  assert.is(refusal(one, cookie), 'session of bob')
  const fresh = one.table.create(login('eve'))
  assert.is.not(one.table.cookie(fresh).slice(0, 9), cookie.slice(0, 9))
})

test('a tunnel comes up and goes; the session waits and is told in order', async () => {
  const one = rig()
  const { table, told } = one
  const session = table.create(login())
  assert.is(session.state, 'waiting')
  const client = await one.connect(session)
  assert.is(session.state, 'tls')
  assert.is(session.idleSince, undefined)
  assert.equal(session.tls, { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' })
  assert.match(session.peer, /^192\.0\.2\.1:\d+$/)
  client.end()
  await one.plane.settled()
  assert.is(session.state, 'waiting')
  assert.is(session.idleSince, one.clock.now())
  assert.equal(told, ['created bob', 'up bob', 'down bob eof'])
  assert.is(table.get(session.id), session)
})

test('D09 the newest CONNECT wins: the old tunnel is closed first, its late end disturbs nothing', async () => {
  const one = rig()
  const session = one.table.create(login())
  const first = await one.connect(session)
  const order: string[] = []
  const { drop, promote } = one.plane
  one.plane.drop = (tunnel, how, text) => {
    order.push(`drop ${tunnel} ${how}`)
    drop.call(one.plane, tunnel, how, text)
  }
  one.plane.promote = (promotion) => {
    order.push(`promote ${promotion.tunnel}`)
    promote.call(one.plane, promotion)
  }
  const second = await one.connect(session)
  assert.equal(order, ['drop 1 close', 'promote 2'])
  assert.ok(first.ended)
  assert.equal(first.frames(), [])
  assert.not.ok(second.ended)
  assert.is(session.state, 'tls')
  assert.equal(one.told, ['created bob', 'up bob', 'down bob superseded', 'up bob'])
  second.end()
  await one.plane.settled()
  assert.is(session.state, 'waiting')
})

test('D09 two CONNECTs at once with one cookie leave one tunnel', async () => {
  const one = rig()
  const session = one.table.create(login())
  const [first, second] = [await one.startTunnel(session), await one.startTunnel(session)]
  await one.plane.settled()
  assert.ok(first.ended)
  assert.not.ok(second.ended)
  assert.is(one.plane.stats().tunnelsOpen, 1n)
  assert.is(session.state, 'tls')
})

test('D15 a client that quits (b0) ends its session; other goodbyes keep it', async () => {
  for (const [payload, ends] of [['\xb0bye', true], ['\x91', false], ['\xd1', false], ['', false], ['\x70error', false]] as const) {
    const one = rig()
    const session = one.table.create(login())
    const cookie = one.table.cookie(session)
    const client = await one.connect(session)
    client.write(frame(FRAME.disconnect, Buffer.from(payload, 'latin1')))
    await one.plane.settled()
    assert.is(one.table.get(session.id) === undefined, ends, JSON.stringify(payload))
    assert.is(refusal(one, cookie), ends ? 'terminated' : 'session of bob')
    assert.equal(one.told.slice(2), ends ? ['down bob user', 'ended bob user'] : ['down bob peer-disconnect'])
  }
})

test('a goodbye of the old tunnel does not end a session that has a new one', async () => {
  const one = rig()
  const session = one.table.create(login())
  const first = await one.connect(session)
  // The data plane is slow: the goodbye is on its way when the old tunnel is dropped.
  one.plane.drop = () => undefined
  await one.startTunnel(session)
  first.write(frame(FRAME.disconnect, Buffer.from([0xb0])))
  await one.plane.settled()
  assert.is(one.table.get(session.id)?.state, 'tls')
  assert.equal(one.told, ['created bob', 'up bob', 'down bob superseded', 'up bob'])
})

test('D15 an administrator\'s end reaches client, listeners and log with one word', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session)
  assert.ok(one.table.end(session.id, 'admin', 'maintenance at noon'))
  const [goodbye] = client.frames()
  assert.is(goodbye?.type, FRAME.disconnect)
  assert.is(goodbye?.payload.subarray(1).toString(), 'maintenance at noon')
  assert.equal(one.told.slice(2), ['down bob admin', 'ended bob admin'])
  assert.ok(one.log.lines.some((line) => line.message === 'session ended' && line.fields['cause'] === 'admin'))
  await one.plane.settled()
  assert.equal(one.told.length, 4)
  assert.not.ok(one.table.end(session.id, 'admin'))
})

test('terminate sends a TERMINATE frame', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session)
  one.table.end(session.id, 'admin', undefined, 'terminate')
  assert.equal(client.frames().map(({ type }) => type), [FRAME.terminate])
})

test('a login whose cookie no CONNECT uses ends after five minutes', () => {
  const one = rig()
  const session = one.table.create(login())
  one.clock.advance(5 * MINUTE - 1000)
  assert.ok(one.table.get(session.id))
  one.clock.advance(2000)
  assert.equal(one.told, ['created bob', 'ended bob login-unused'])
})

test('a waiting session ends after the shorter of disconnected-timeout and idle-timeout, 0 is off', async () => {
  for (const [disconnected, idle, expected, cause] of [[600, 1200, 600, 'disconnected-timeout'], [1200, 600, 600, 'idle-timeout'], [600, 600, 600, 'disconnected-timeout'], [0, 600, 600, 'idle-timeout'], [0, 0, undefined, '']] as const) {
    const one = rig({ policy: { disconnectedTimeoutSec: disconnected, idleTimeoutSec: idle } })
    const session = one.table.create(login())
    const client = await one.connect(session)
    one.clock.advance(3600_000)
    assert.is(session.state, 'tls', 'a tunnel is never idle')
    client.end()
    await one.plane.settled()
    one.clock.advance(598_000)
    assert.ok(one.table.get(session.id))
    one.clock.advance(expected === undefined ? 1e7 : 3000)
    assert.is(one.told.at(-1), expected === undefined ? 'down bob eof' : `ended bob ${cause}`)
  }
})

test('a reconnect starts the wait anew', async () => {
  const one = rig({ policy: { disconnectedTimeoutSec: 600, idleTimeoutSec: 600 } })
  const session = one.table.create(login())
  for (let round = 0; round < 3; round++) {
    ;(await one.connect(session)).end()
    await one.plane.settled()
    one.clock.advance(400_000)
  }
  assert.ok(one.table.get(session.id))
})

test('session-timeout counts from the login and tells the client', async () => {
  const one = rig({ policy: { sessionTimeoutSec: 3600 } })
  const session = one.table.create(login())
  assert.is(session.expiresAt, session.createdAt + 3600_000)
  await one.connect(session)
  one.clock.advance(1800_000)
  const client = await one.connect(session)
  one.clock.advance(1799_000)
  assert.is(session.state, 'tls')
  one.clock.advance(2000)
  assert.match(client.frames()[0]?.payload.toString() ?? '', /maximum length/)
  assert.is(one.told.at(-1), 'ended bob session-timeout')
})

test('D14 a wall clock that is set, forward or back, ends no session and keeps no one for ever', async () => {
  const one = rig({ policy: { sessionTimeoutSec: 36_000, disconnectedTimeoutSec: 600, idleTimeoutSec: 600 } })
  const [live, waiting] = [one.table.create(login('live')), one.table.create(login('waiting'))]
  const cookie = one.table.cookie(waiting)
  await one.connect(live)
  ;(await one.connect(waiting)).end()
  await one.plane.settled()
  for (const jump of [50 * 365 * 86_400_000, -90 * 365 * 86_400_000, 3600_000]) {
    one.clock.jump(jump)
    one.clock.advance(10_000)
    assert.is(one.table.list().length, 2)
    assert.is(refusal(one, cookie), 'session of waiting')
    const rows = one.opened.store.read((db) => db.prepare('SELECT expires_at FROM core_session').pluck().all() as number[])
    for (const at of rows) assert.ok(Math.abs(at - one.clock.now() - 36_000_000) < 60_000, 'rows follow the clock')
  }
  one.clock.advance(600_000)
  assert.equal(one.table.list().map(({ user }) => user), ['live'])
})

test('D14 ten thousand sessions are one timer', () => {
  const one = rig()
  one.opened.store.write(() => { for (let at = 0; at < 10_000; at++) one.table.create(login(`u${at}`)) })
  assert.is(one.clock.pending, 1)
})

test('limits: sessions of a user and of the gateway', () => {
  const one = rig({ policy: { maxSessions: 2 }, maxSessions: 3 })
  one.table.create(login())
  one.table.create(login())
  assert.throws(() => one.table.create(login()), (error: Error) => error instanceof GatewayError && error.code === 'SESSION_LIMIT' && /bob has 2 sessions, 2 are allowed/.test(error.message))
  const third = one.table.create(login('eve'))
  assert.throws(() => one.table.create(login('joe')), /the gateway has 3 sessions/)
  one.table.end(third.id, 'user')
  one.table.create(login('joe'))
  assert.is(one.table.list().length, 3)
})

test('a device that logs in again takes over what it left behind, and its address', async () => {
  const one = rig({ policy: { maxSessions: 1 } })
  const first = one.table.create(login('bob', { uniqueId: 'laptop' }))
  const client = await one.connect(first)
  const address = first.leases.ipv4?.address
  assert.is(codeOf(() => one.table.create(login('bob', { uniqueId: 'laptop' }))), 'SESSION_LIMIT', 'not while its tunnel lives')
  client.end()
  await one.plane.settled()
  assert.is(codeOf(() => one.table.create(login('bob', { uniqueId: 'phone' }))), 'SESSION_LIMIT')
  const second = one.table.create(login('bob', { uniqueId: 'laptop' }))
  assert.is(one.table.get(first.id), undefined)
  assert.ok(one.told.includes('ended bob superseded'))
  assert.is(one.table.claimLeases(second, BOTH).ipv4?.address, address)
})

test('D07 counters go on over tunnels and never fall', async () => {
  const one = rig()
  const session = one.table.create(login())
  const send = packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80))
  let expected = 0n
  for (let round = 0; round < 3; round++) {
    const client = await one.connect(session)
    client.write(frame(FRAME.data, send))
    one.plane.injectTun(packet('10.20.0.1', '10.20.0.2', 'y'))
    expected += BigInt(send.length)
    assert.is(one.table.counters(session).rxBytes, expected)
    client.end()
    assert.ok(one.table.counters(session).rxBytes >= expected, 'also between the end and its report')
    await one.plane.settled()
  }
  assert.equal(one.table.counters(session), { rxBytes: expected, txBytes: 63n, rxPackets: 3n, txPackets: 3n })
})

test('counters of a living tunnel are saved within a minute', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session)
  client.write(frame(FRAME.data, packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80))))
  one.clock.advance(61_000)
  assert.is(one.opened.store.read((db) => db.prepare('SELECT rx_bytes FROM core_session').pluck().get()), 100)
})

test('a listener that throws is logged and keeps nothing from the others', () => {
  const one = rig()
  one.slots.sessionEvents.add({ sessionCreated() { throw new Error('mine') } }, 'bad')
  const seen: string[] = []
  one.slots.sessionEvents.add({ sessionCreated: ({ user }) => void seen.push(user) }, 'good')
  one.table.create(login())
  assert.equal(seen, ['bob'])
  assert.ok(one.log.has('a session listener failed'))
})

test('a store that refuses refuses the login, and the sessions that run go on', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session)
  one.opened.store.read((db) => db.pragma('query_only = ON'))
  assert.is(codeOf(() => one.table.create(login('eve'))), 'STORE_READONLY')
  assert.is(one.table.list().length, 1)
  client.end()
  await one.plane.settled()
  assert.is(session.state, 'waiting')
  assert.equal(one.health.list().map(({ code }) => code), ['STORE_READONLY'])
  assert.ok(one.table.end(session.id, 'user'))
  assert.is(one.table.get(session.id), undefined)
  const rows = () => one.opened.store.read((db) => db.prepare('SELECT count(*) FROM core_session').pluck().get())
  assert.is(rows(), 1)
  one.opened.store.read((db) => db.pragma('query_only = OFF'))
  one.clock.advance(1000)
  assert.is(rows(), 0, 'an ended session is buried as soon as the store lets us')
  assert.equal(one.health.list(), [])
})

test('a session that has ended takes no leases, no tunnel, no cookie', async () => {
  const one = rig()
  const session = one.table.create(login())
  one.table.end(session.id, 'user')
  assert.is(codeOf(() => one.table.cookie(session)), 'SESSION_UNKNOWN')
  assert.is(codeOf(() => one.table.claimLeases(session, BOTH)), 'SESSION_UNKNOWN')
})

test.run()
