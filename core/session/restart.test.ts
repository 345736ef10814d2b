import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { TestClock, testDirectory } from '../testing.ts'
import { login, SessionRig, type RigOptions } from './testing.ts'

const BOTH = { ipv4: true, ipv6: true }
const TIMEOUTS = { disconnectedTimeoutSec: 1800, idleTimeoutSec: 1800 }
/** A gateway, then another one on the same directory after `downMs`. */
const restarted = (first: SessionRig, downMs: number, options: RigOptions = {}): SessionRig => {
  const wall = first.clock.now() + downMs
  return new SessionRig({ directory: first.directory, clock: new TestClock(wall), policy: TIMEOUTS, ...options })
}
const found = (rig: SessionRig, cookie: string) => {
  const result = rig.table.byCookie(cookie)
  return 'session' in result ? result.session : undefined
}

test('D13 a killed gateway loses no session: same cookie, address, policy and counters', async () => {
  const first = new SessionRig({ policy: { ...TIMEOUTS, banner: 'hello' } })
  const session = first.table.create(login('bob', { uniqueId: 'x', hostname: 'laptop' }))
  const cookie = first.table.cookie(session)
  const client = await first.connect(session)
  client.write(frame(FRAME.data, packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80))))
  first.clock.advance(61_000)
  first.kill()
  const second = restarted(first, 2000)
  const again = found(second, cookie)
  assert.ok(again)
  assert.equal(
    [again?.id, again?.user, again?.state, again?.leases, again?.policy.values.banner, again?.device, again?.createdAt, again?.tls],
    [session.id, 'bob', 'waiting', session.leases, 'hello', session.device, session.createdAt, session.tls],
  )
  if (!again) return
  assert.is(second.table.counters(again).rxBytes, 100n)
  assert.equal(second.table.claimLeases(again, BOTH), session.leases)
  await second.connect(again)
  assert.is(again.state, 'tls')
  second.stop()
})

test('G04 a session keeps its host over a restart', () => {
  const first = new SessionRig({ policy: TIMEOUTS })
  const cookies = [{ ...login('bob'), host: 'vpn2.example.com' }, login('eve')].map((one) => first.table.cookie(first.table.create(one)))
  first.kill()
  const second = restarted(first, 2000)
  assert.equal(cookies.map((cookie) => found(second, cookie)?.host), ['vpn2.example.com', undefined])
  second.stop()
})

test('D13 an ordered stop loses no session either, and tells no client to go', async () => {
  const first = new SessionRig({ policy: TIMEOUTS })
  const session = first.table.create(login())
  const cookie = first.table.cookie(session)
  const client = await first.connect(session)
  client.write(frame(FRAME.data, packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80))))
  first.stop()
  assert.equal(client.frames(), [])
  assert.ok(client.ended)
  const second = restarted(first, 600_000)
  const again = found(second, cookie)
  assert.ok(again)
  if (again) assert.is(second.table.counters(again).rxBytes, 100n)
  second.stop()
})

test('D13 kill -9 right after create and claimLeases returned loses nothing', async () => {
  const directory = testDirectory()
  const script = `
    const { SessionRig, login } = await import(${JSON.stringify(join(import.meta.dirname, 'testing.ts'))})
    const rig = new SessionRig({ directory: ${JSON.stringify(directory)} })
    for (let at = 0; at < 50; at++) {
      const session = rig.table.create(login('u' + at))
      const leases = rig.table.claimLeases(session, { ipv4: true, ipv6: true })
      process.stdout.write(JSON.stringify([session.id, rig.table.cookie(session), leases]) + '\\n')
    }
    process.kill(process.pid, 'SIGKILL')`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const signal = await new Promise((resolve) => child.once('close', (_code, how) => resolve(how)))
  assert.is(signal, 'SIGKILL')
  const told = output.trim().split('\n').map((line) => JSON.parse(line) as [string, string, unknown])
  assert.is(told.length, 50)
  const second = new SessionRig({ directory, clock: new TestClock() })
  for (const [id, cookie, leases] of told) {
    assert.is(found(second, cookie)?.id, id)
    assert.equal(second.table.get(id)?.leases, leases)
  }
  assert.not.ok(told.some(([, , leases]) => JSON.stringify(leases) === JSON.stringify(second.table.claimLeases(second.table.create(login('new')), BOTH))))
  second.stop()
})

test('D13 what is left of the wait and of the session goes on after a restart', async () => {
  const timeouts = { ...TIMEOUTS, sessionTimeoutSec: 7200 }
  const first = new SessionRig({ policy: timeouts })
  const session = first.table.create(login())
  ;(await first.connect(session)).end()
  await first.plane.settled()
  first.clock.advance(600_000)
  first.kill()
  const second = restarted(first, 600_000, { policy: timeouts })
  assert.is(second.table.get(session.id)?.expiresAt, session.expiresAt)
  second.clock.advance(598_000)
  assert.ok(second.table.get(session.id))
  second.clock.advance(5000)
  assert.equal(second.told, ['ended bob disconnected-timeout'])
  second.stop()
  const third = restarted(second, 7200_000)
  assert.equal(third.table.list(), [])
  third.stop()
})

test('D13 a client has five minutes to come back, however long the gateway was away; a session over is over', async () => {
  const timeouts = { ...TIMEOUTS, sessionTimeoutSec: 86_400 }
  const first = new SessionRig({ policy: timeouts })
  const session = first.table.create(login())
  ;(await first.connect(session)).end()
  await first.plane.settled()
  first.kill()
  const second = restarted(first, 36_000_000, { policy: timeouts })
  second.clock.advance(298_000)
  assert.ok(second.table.get(session.id))
  second.kill()
  const third = restarted(first, 86_400_000, { policy: timeouts })
  assert.is(third.table.get(session.id), undefined)
  assert.is(third.opened.store.read((db) => db.prepare('SELECT count(*) FROM core_session').pluck().get()), 0)
  third.stop()
})

test('D14 a wall clock that is years behind after a restart makes nothing last longer than it may', async () => {
  const timeouts = { ...TIMEOUTS, sessionTimeoutSec: 7200 }
  const first = new SessionRig({ policy: timeouts })
  const session = first.table.create(login())
  await first.connect(session)
  first.kill()
  const second = restarted(first, -50 * 365 * 86_400_000, { policy: timeouts })
  assert.ok(second.table.get(session.id))
  const again = second.table.get(session.id)
  if (again) await second.connect(again)
  second.clock.advance(7202_000)
  assert.is(second.told.at(-1), 'ended bob session-timeout')
  second.stop()
})

test('a session whose address is in no pool any more ends', async () => {
  const first = new SessionRig()
  const session = first.table.create(login())
  await first.connect(session)
  first.kill()
  const second = restarted(first, 1000, { pool: { ipv4: '10.99.0.0/16', ipv6: undefined } })
  assert.is(second.table.get(session.id), undefined)
  assert.ok(second.log.lines.some((line) => line.fields['cause'] === 'lease-lost'))
  second.stop()
})

test('quarantine and an address\'s last owner outlive a restart', () => {
  const first = new SessionRig({ pool: { ipv4: '192.0.2.0/30', ipv6: undefined, quarantineSec: 300 } })
  const session = first.table.create(login())
  first.table.claimLeases(session, BOTH)
  first.table.end(session.id, 'user')
  first.kill()
  const second = restarted(first, 100_000, { pool: { ipv4: '192.0.2.0/30', ipv6: undefined, quarantineSec: 300 } })
  const eve = second.table.create(login('eve'))
  assert.throws(() => second.table.claimLeases(eve, BOTH), /the next is free in 200 s/)
  second.clock.advance(199_000)
  assert.throws(() => second.table.claimLeases(eve, BOTH), /the next is free in 1 s/)
  assert.is(second.table.claimLeases(second.table.create(login()), BOTH).ipv4?.address, '192.0.2.2')
  second.stop()
})

test('a damaged row costs its session only', async () => {
  const first = new SessionRig()
  const [bad, good] = [first.table.create(login('bad')), first.table.create(login('good'))]
  first.table.claimLeases(bad, BOTH)
  first.opened.store.write((db) => db.prepare("UPDATE core_session SET device = '{' WHERE id = ?").run(bad.id))
  first.kill()
  const second = restarted(first, 1000)
  assert.equal(second.table.list().map(({ id }) => id), [good.id])
  assert.is(second.table.claimLeases(good, BOTH).ipv4?.address, '10.20.0.3', 'the address of the other one rests')
  second.stop()
})

test.run()
