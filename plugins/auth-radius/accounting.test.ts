import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, type Session, type TunnelHandle } from '../../core/api.ts'
import { login, SessionRig, type RigOptions } from '../../core/session/testing.ts'
import { TestClock } from '../../core/testing.ts'
import { Accounting } from './accounting.ts'
import { accountingAttributes } from './accounting-attributes.ts'
import { AccountingQueue, MAX_AGE_MS, MAX_BARRIER_AGE_MS } from './accounting-queue.ts'
import { NO_TRAFFIC, STATUS_TYPE, type AccountedSession, type AccountingKind, type AccountingRecord } from './accounting-record.ts'
import { AccountingSender } from './accounting-sender.ts'
import { AccountingSpool } from './accounting-spool.ts'
import { AccountingTable } from './accounting-table.ts'
import { flatten, valueOf, valuesOf, type Found } from './attributes.ts'

const test = suite('accounting')
const made: Bench[] = []
test.after.each(() => made.splice(0).forEach((bench) => bench.close()))
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const CLASS = Buffer.from([0, 1, 0xff])

/** Accounting on a session table; the servers are a function. */
class Bench {
  readonly rig: SessionRig
  readonly spool: AccountingSpool
  readonly sender: AccountingSender
  readonly accounting: Accounting
  readonly taken: (readonly Found[])[] = []
  up = true
  interval: number | undefined = 600
  /** What a record is refused by; those of others are taken. */
  refuses: (found: readonly Found[]) => boolean = () => false
  private readonly extra = new Map<TunnelHandle, bigint>()

  constructor(options: RigOptions & { readonly limit?: number } = {}) {
    this.rig = new SessionRig(options)
    const { clock, health, log, plane, slots, table } = this.rig
    this.spool = new AccountingSpool({ clock, log, table: new AccountingTable(this.rig.opened.store), ...(options.limit !== undefined && { limit: options.limit }) })
    this.sender = new AccountingSender({ clock, health, spool: this.spool, deliver: async (attributes) => {
      const found = flatten(attributes())
      await settled()
      if (!this.up || this.refuses(found)) return false
      this.taken.push(found)
      return true
    } })
    this.accounting = new Accounting({ clock, sender: this.sender, sessions: table, spool: this.spool, intervalSec: () => this.interval, ticketOf: ({ ticket }) => (ticket === undefined ? undefined : { user: 'Bob@corp', classes: [CLASS, Buffer.from('two')] }) })
    slots.sessionEvents.add(this.accounting, 'auth-radius')
    const ask = plane.tunnelCounters.bind(plane)
    plane.tunnelCounters = (tunnel) => {
      const counters = ask(tunnel)
      return counters && { ...counters, rxBytes: counters.rxBytes + (this.extra.get(tunnel) ?? 0n) }
    }
    this.accounting.start()
    made.push(this)
  }
  login(user = 'bob', ticket = 'x'): Session {
    const one = login(user)
    return this.rig.table.create({ ...one, identity: { ...one.identity, ...(ticket !== '' && { ticket }) } })
  }
  move(tunnel: number, bytes: bigint): void {
    this.extra.set(tunnel as TunnelHandle, bytes)
  }
  /** Time passes, and what it causes is over. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.rig.clock.advance(Math.min(1000, left))
      await settled()
      await settled()
    }
    for (let turn = 0; turn < 6; turn++) await settled()
  }
  kinds(): readonly string[] {
    const names = new Map(Object.entries(STATUS_TYPE).map(([name, value]) => [value as number, name]))
    return this.taken.map((found) => names.get(valueOf(found, 'Acct-Status-Type') ?? 0) ?? '?')
  }
  /** As if killed. */
  kill(): void {
    made.splice(made.indexOf(this), 1)
    this.up = false
    this.rig.kill()
  }
  again(options: { readonly later?: number } = {}): Bench {
    return new Bench({ directory: this.rig.directory, clock: new TestClock(this.rig.clock.now() + (options.later ?? 0)) })
  }
  close(): void {
    this.rig.stop()
  }
}
const last = ({ taken }: Bench): readonly Found[] => taken.at(-1) ?? []

test('G23 a session is told of from its first tunnel to its end, with what it carried, why it ended and the Class of its login', async () => {
  const bench = new Bench()
  const session = bench.login()
  await bench.pass(30_000)
  assert.equal(bench.kinds(), ['on'], 'a login alone is no service')
  await bench.rig.connect(session)
  await bench.pass(1000)
  assert.equal(bench.kinds(), ['on', 'start'])
  const start = last(bench)
  assert.equal(
    [valueOf(start, 'Acct-Session-Id'), valueOf(start, 'Acct-Multi-Session-Id'), valueOf(start, 'User-Name'), valueOf(start, 'Calling-Station-Id'), valueOf(start, 'Framed-IP-Address'), valueOf(start, 'Acct-Authentic')],
    [session.id, session.id, 'Bob@corp', '192.0.2.1', session.leases.ipv4?.address, 1],
  )
  assert.is(valueOf(start, 'Framed-IPv6-Address'), session.leases.ipv6?.address)
  assert.equal(valuesOf(start, 'Class'), [CLASS, Buffer.from('two')])
  assert.is(valueOf(start, 'Acct-Input-Octets'), undefined)
  bench.move(1, 5n * 2n ** 32n + 77n)
  await bench.pass(90_000)
  bench.rig.table.end(session.id, 'admin')
  await bench.pass(1000)
  assert.equal(bench.kinds(), ['on', 'start', 'stop'])
  const stop = last(bench)
  assert.equal([valueOf(stop, 'Acct-Input-Octets'), valueOf(stop, 'Acct-Input-Gigawords'), valueOf(stop, 'Acct-Terminate-Cause'), valueOf(stop, 'Acct-Session-Id')], [77, 5, 6, session.id])
  assert.ok(Math.abs((valueOf(stop, 'Acct-Session-Time') ?? 0) - 91) <= 1, `${valueOf(stop, 'Acct-Session-Time')} s, and not from the login on`)
  assert.is(bench.spool.queue.size, 0)
})

test('who logged in elsewhere is nobody\'s business, and with accounting = false nobody is', async () => {
  const bench = new Bench()
  await bench.rig.connect(bench.login('eve', ''))
  bench.interval = undefined
  await bench.rig.connect(bench.login('bob'))
  await bench.pass(700_000)
  assert.equal(bench.kinds(), ['on'])
})

test('interim records come at the interval, a tenth more or less, and when its client is back or elsewhere', async () => {
  const bench = new Bench()
  const session = bench.login()
  const client = await bench.rig.connect(session)
  await bench.pass(530_000)
  assert.equal(bench.kinds(), ['on', 'start'])
  await bench.pass(140_000)
  assert.equal(bench.kinds(), ['on', 'start', 'interim'])
  client.end()
  await bench.rig.plane.settled()
  await bench.pass(3000)
  assert.is(bench.taken.length, 3, 'it waits for its client: nothing has ended')
  await bench.rig.connect(session)
  await bench.pass(2000)
  assert.equal(bench.kinds(), ['on', 'start', 'interim', 'interim'])
  assert.is(valueOf(last(bench), 'Acct-Session-Id'), session.id)
})

test('while no server answers records wait, the newest interim alone, and say how late they are', async () => {
  const bench = new Bench()
  const session = bench.login()
  await bench.rig.connect(session)
  await bench.pass(1000)
  bench.up = false
  const startedAt = bench.rig.clock.now()
  await bench.pass(3000_000)
  assert.is(bench.spool.queue.size, 1)
  assert.match(bench.rig.health.list().find(({ code }) => code === 'RADIUS_ACCOUNTING')?.text ?? '', /^RADIUS servers do not take accounting: 1 records wait, since 2026-/)
  bench.rig.table.end(session.id, 'user')
  await bench.pass(200_000)
  assert.equal(bench.spool.queue.all().map(({ record: { kind } }) => kind), ['stop'])
  bench.up = true
  await bench.pass(31_000)
  const stop = last(bench)
  assert.equal(bench.kinds(), ['on', 'start', 'stop'])
  const delay = valueOf(stop, 'Acct-Delay-Time') ?? 0
  assert.ok(delay >= 199 && delay <= 232, String(delay))
  assert.is(valueOf(stop, 'Event-Timestamp'), Math.floor(bench.rig.clock.now() / 1000) - Math.floor((bench.rig.clock.now() - startedAt - 3000_000) / 1000))
  await bench.pass(3000)
  assert.equal(bench.rig.health.list(), [])
})

test('what no server has taken survives the gateway, and its delay counts on', async () => {
  const bench = new Bench()
  const session = bench.login()
  await bench.rig.connect(session)
  await bench.pass(1000)
  bench.up = false
  bench.rig.table.end(session.id, 'user')
  await bench.pass(2000)
  bench.kill()
  const next = bench.again({ later: 100_000 })
  await next.pass(2000)
  assert.equal(next.kinds(), ['stop'])
  assert.ok((valueOf(last(next), 'Acct-Delay-Time') ?? 0) >= 101)
  assert.equal(valuesOf(last(next), 'Class'), [CLASS, Buffer.from('two')])
  await next.pass(2000)
  next.kill()
  const third = next.again()
  assert.equal(third.spool.queue.all().map(({ record: { kind } }) => kind), ['on'], 'delivered once')
})

test('a session goes on under its id over a restart, and one that does not come back is stopped', async () => {
  const bench = new Bench()
  const [stays, goes] = [bench.login('bob'), bench.login('eve')]
  await bench.rig.connect(stays)
  await bench.rig.connect(goes)
  await bench.pass(2000)
  assert.equal(bench.kinds(), ['on', 'start', 'start'])
  bench.rig.opened.store.write((db) => db.prepare('DELETE FROM core_session WHERE id = ?').run(goes.id))
  bench.kill()
  const next = bench.again()
  await next.pass(2000)
  assert.equal(next.kinds(), ['stop'], 'no on: it would end those that go on')
  assert.equal([valueOf(last(next), 'Acct-Session-Id'), valueOf(last(next), 'Acct-Terminate-Cause')], [goes.id, 3])
  const back = next.rig.table.get(stays.id)
  assert.ok(back)
  await next.rig.connect(back)
  await next.pass(2000)
  assert.equal(next.kinds(), ['stop', 'interim'])
  next.rig.table.end(stays.id, 'session-timeout')
  await next.pass(2000)
  assert.equal([next.kinds().at(-1), valueOf(last(next), 'Acct-Terminate-Cause')], ['stop', 5])
})

test('the gateway says that it stops where nothing of it goes on, and waits for the answer', async () => {
  const bench = new Bench()
  await bench.pass(1000)
  await bench.accounting.stop()
  assert.equal(bench.kinds(), ['on', 'off'])
  const other = new Bench()
  await other.rig.connect(other.login())
  await other.pass(1000)
  await other.accounting.stop()
  assert.equal(other.kinds(), ['on', 'start'])
})

test('a record that no server takes does not hold up the others', async () => {
  const bench = new Bench()
  const [bad, good] = [bench.login('bad'), bench.login('good')]
  bench.refuses = (found) => valueOf(found, 'Acct-Session-Id') === bad.id
  await bench.rig.connect(bad)
  await bench.rig.connect(good)
  await bench.pass(40_000)
  assert.equal(bench.kinds(), ['on', 'start'])
  bench.rig.table.end(good.id, 'user')
  await bench.pass(40_000)
  assert.equal(bench.kinds(), ['on', 'start', 'stop'])
  assert.is(bench.spool.queue.size, 1)
})

test('a full disk costs a line in the log and nothing else', async () => {
  const bench = new Bench()
  const session = bench.login()
  await bench.rig.connect(session)
  bench.up = false
  const write = bench.rig.opened.store.write.bind(bench.rig.opened.store)
  bench.rig.opened.store.write = () => {
    throw new GatewayError('STORE_FULL', 'the disk is full')
  }
  await bench.pass(30_000)
  assert.is(bench.rig.log.lines.filter(({ message }) => message === 'accounting is not stored yet').length, 1)
  bench.up = true
  await bench.pass(31_000)
  assert.equal(bench.kinds(), ['on', 'start'])
  bench.rig.opened.store.write = write
  await bench.pass(11_000)
  bench.kill()
  assert.equal(bench.again().spool.sessions().map(({ id }) => id), [session.id])
})

const session = (id: string): AccountedSession => ({ id, user: id, classes: [], peer: '192.0.2.1', intervalSec: 600, beganAfter: 0, seconds: 1, traffic: NO_TRAFFIC })
const record = (kind: AccountingKind, id?: string): AccountingRecord => ({ kind, at: 0, session: id === undefined ? undefined : session(id) })
const always = (): boolean => true

test('the queue keeps the order of a session and lets the gateway\'s own records pass nobody', () => {
  const queue = new AccountingQueue()
  let id = 0
  const add = (kind: AccountingKind, of?: string): void => queue.add({ id: ++id, record: record(kind, of), since: 0 })
  const names = (most = 9): string => queue.take(most, always).map((one) => {
    queue.failed(one)
    return `${one.record.kind} ${one.record.session?.id ?? ''}`.trim()
  }).join(', ')
  add('start', 'a')
  add('on')
  add('start', 'b')
  assert.is(names(), 'start a')
  const [first] = queue.take(9, always)
  assert.equal(queue.take(9, always), [], 'a is under way')
  if (first) queue.delivered(first)
  assert.is(names(), 'on')
  const [on] = queue.take(9, always)
  if (on) queue.delivered(on)
  add('interim', 'b')
  add('interim', 'b')
  add('stop', 'b')
  add('start', 'c')
  assert.equal(queue.all().map(({ record: { kind } }) => kind), ['start', 'stop', 'start'])
  assert.is(names(1), 'start b')
  assert.is(names(1), 'start c', 'who failed waits behind the others')
})

test('the queue is bounded in number, oldest interim first, and in age', () => {
  const queue = new AccountingQueue(4)
  let id = 0
  const add = (kind: AccountingKind, of?: string, since = 0): void => queue.add({ id: ++id, record: record(kind, of), since })
  for (const name of ['a', 'b']) {
    add('start', name)
    add('interim', name)
  }
  add('stop', 'c')
  assert.equal(queue.all().map(({ record: one }) => `${one.kind} ${one.session?.id}`), ['start a', 'start b', 'interim b', 'stop c'])
  add('stop', 'd')
  add('stop', 'e')
  assert.equal(queue.all().map(({ record: one }) => `${one.kind} ${one.session?.id}`), ['start b', 'stop c', 'stop d', 'stop e'])
  assert.equal([queue.size, queue.dropped], [4, 3])
  queue.expire(MAX_AGE_MS)
  assert.is(queue.size, 4)
  queue.expire(MAX_AGE_MS + 1)
  assert.is(queue.size, 0)
  add('on', undefined, MAX_AGE_MS)
  queue.expire(MAX_AGE_MS + MAX_BARRIER_AGE_MS + 1)
  assert.is(queue.size, 0, 'nobody waits long for what the gateway says of itself')
})

test('a record is made for the moment in which it is sent', () => {
  const found = flatten(accountingAttributes({ kind: 'stop', at: 0, session: { ...session('a'), traffic: { bytesIn: 2 ** 32, bytesOut: 2 ** 40 + 5, packetsIn: 1, packetsOut: 2 ** 33 } }, cause: 1 }, { delaySec: 12.4, now: 1_000_000_000_000 }))
  assert.equal([valueOf(found, 'Acct-Delay-Time'), valueOf(found, 'Event-Timestamp')], [12, 999_999_988])
  assert.equal([valueOf(found, 'Acct-Input-Octets'), valueOf(found, 'Acct-Input-Gigawords'), valueOf(found, 'Acct-Output-Octets'), valueOf(found, 'Acct-Output-Gigawords')], [0, 1, 5, 256])
})

test.run()
