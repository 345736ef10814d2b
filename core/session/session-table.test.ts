import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { GatewayError } from '../errors.ts'
import { codeOf } from '../testing.ts'
import { BOTH, login, refusal, rigs } from './testing.ts'
import { NO_TRAFFIC } from './tunnel-totals.ts'

const rig = rigs(test)

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

test('what is written alongside a new session is committed with its row, or neither is', () => {
  const { table, opened: { store } } = rig()
  store.write((db) => db.exec('CREATE TABLE note (session TEXT)'))
  const note = (id: string): void => void store.write((db) => db.prepare('INSERT INTO note VALUES (?)').run(id))
  const count = (name: string): unknown => store.read((db) => db.prepare(`SELECT count(*) FROM ${name}`).pluck().get())
  const session = table.create(login(), ({ id }) => note(id))
  assert.is(store.read((db) => db.prepare('SELECT session FROM note').pluck().get()), session.id)
  assert.throws(() => table.create(login(), ({ id }) => {
    note(id)
    throw new Error('refused')
  }), /refused/)
  assert.equal([count('note'), count('core_session'), table.list().length], [1, 1, 1])
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

test('G27 sessions of a user and of the gateway have a limit', async () => {
  const one = rig({ policy: { maxSessions: 2 }, maxSessions: 3 })
  for (let round = 0; round < 2; round++) await one.connect(one.table.create(login()))
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
  assert.equal(one.table.counters(session), { ...NO_TRAFFIC, rxBytes: expected, txBytes: 63n, rxPackets: 3n, txPackets: 3n })
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

test.run()
