process.env['TZ'] = 'Europe/Berlin'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPolicies } from '../../core/policy/policies.ts'
import { login, SessionRig, type RigOptions } from '../../core/session/testing.ts'
import type { Session, TunnelHandle } from '../../core/api.ts'
import { codeOf, TestClock } from '../../core/testing.ts'
import { LoginRule } from './login-rule.ts'
import { parseQuota } from './quota.ts'
import { quotaCommands, quotaRecords } from './quota-commands.ts'
import { QuotaWatch } from './quota-watch.ts'
import { UsageBook } from './usage-book.ts'
import { UsageTable } from './usage-table.ts'

const test = suite('limits')
const local = (text: string): number => new Date(text).getTime()
const made: Bench[] = []
test.after.each(() => made.splice(0).forEach((bench) => bench.close()))

/** The plugin on a session table; clients move what `move` says. */
class Bench {
  readonly rig: SessionRig
  readonly table: UsageTable
  readonly book: UsageBook
  readonly watch: QuotaWatch
  readonly rule: LoginRule
  readonly commands: ReturnType<typeof quotaCommands>
  readonly records: ReturnType<typeof quotaRecords>
  private readonly extra = new Map<TunnelHandle, bigint>()

  constructor(options: RigOptions) {
    this.rig = new SessionRig({ clock: new TestClock(local('2026-11-20T12:00')), ...options })
    const { clock, log, slots, plane } = this.rig
    const policies = createPolicies(() => this.rig.config.now, () => slots.policySource.list())
    this.table = new UsageTable(this.rig.opened.store)
    this.book = new UsageBook(this.table.all())
    this.watch = new QuotaWatch({ audit: this.rig.audit, book: this.book, clock, log, sessions: this.rig.table, table: this.table })
    this.rule = new LoginRule(policies, this.book, clock)
    const parts = { audit: this.rig.audit, book: this.book, clock, config: this.rig.config.now, forget: (user: string) => void this.watch.reset(user), policies, table: this.table }
    this.commands = quotaCommands(parts)
    this.records = quotaRecords(parts)
    slots.policySource.add(this.watch, 'limits')
    slots.sessionEvents.add(this.watch, 'limits')
    const ask = plane.tunnelCounters.bind(plane)
    plane.tunnelCounters = (tunnel) => {
      const counters = ask(tunnel)
      return counters && { ...counters, rxBytes: counters.rxBytes + (this.extra.get(tunnel) ?? 0n) }
    }
    this.watch.start()
    made.push(this)
  }
  move(tunnel: number, bytes: number): void {
    const handle = tunnel as TunnelHandle
    this.extra.set(handle, (this.extra.get(handle) ?? 0n) + BigInt(bytes))
  }
  refusal(user = 'bob'): string | undefined {
    const { identity, group } = login(user)
    return this.rule.refuse({ identity, group })?.text
  }
  run(path: string, args: Record<string, string> = {}): unknown {
    return this.commands[path]?.({ args, options: {}, actor: 'cli' })
  }
  audited(): readonly string[] {
    return this.rig.audit.list(50).filter(({ action }) => action.startsWith('quota')).map(({ action, detail }) => `${action} ${detail ?? ''}`).reverse()
  }
  close(): void {
    this.watch.stop()
    this.rig.stop()
  }
}
const session = async (bench: Bench, user = 'bob', hostname = 'laptop'): Promise<Session> => {
  const made = bench.rig.table.create(login(user, { hostname }))
  await bench.rig.connect(made)
  return made
}

test('G09 a quota is told at 80 and 100 percent, over all sessions of a user, once; then it cuts, with a text that says until when', async () => {
  const bench = new Bench({ policy: { quota: '1 MB / month' } })
  const [one, two] = [await session(bench), await session(bench, 'bob', 'phone')]
  const other = await session(bench, 'eve')
  bench.move(1, 500_000)
  bench.move(2, 299_999)
  bench.rig.clock.advance(10_000)
  assert.equal(bench.audited(), [])
  bench.move(2, 1)
  bench.rig.clock.advance(10_000)
  bench.rig.clock.advance(10_000)
  assert.equal(bench.audited(), ['quota.warning 80 % of 1 MB / month'])
  assert.is(bench.refusal(), undefined)
  bench.move(1, 200_000)
  bench.rig.clock.advance(10_000)
  assert.equal(bench.audited().slice(1), ['quota.reached 100 % of 1 MB / month'])
  assert.equal(bench.rig.table.list(), [other])
  assert.equal([one, two].map(({ id }) => bench.rig.table.get(id)), [undefined, undefined])
  assert.is(bench.rig.told.filter((line) => line === 'ended bob quota').length, 2)
  const text = 'Your data volume for this month is used up. It starts again on Tuesday 1 December 2026, 00:00.'
  assert.is(bench.refusal(), text)
  assert.is(bench.refusal('BOB'), text)
  assert.is(bench.refusal('eve'), undefined)
})

test('usage is in the store once a minute, at the end of a session and at a stop; it survives a kill', async () => {
  const bench = new Bench({ policy: { quota: '1 GB / week' } })
  const first = await session(bench)
  bench.move(1, 1000)
  bench.rig.clock.advance(50_000)
  assert.equal(bench.table.all(), [])
  bench.rig.clock.advance(10_000)
  assert.equal(bench.table.all(), [{ user: 'bob', period: 'week', start: local('2026-11-16T00:00'), bytes: 1000, told: 0 }])
  bench.move(1, 500)
  bench.rig.table.end(first.id, 'user')
  assert.is(bench.table.all()[0]?.bytes, 1500)
  await session(bench)
  bench.move(2, 7)
  bench.rig.clock.advance(60_000)
  const [made0] = made.splice(0)
  made0?.rig.kill()
  const next = new Bench({ directory: bench.rig.directory, policy: { quota: '1 GB / week' } })
  next.rig.clock.advance(60_000)
  assert.is(next.table.all()[0]?.bytes, 1507, 'what the restored session had moved is not counted twice')
})

test('the period ends: at midnight of the first, in summer time too; a clock set back takes nothing away and a wild one locks nobody out', () => {
  for (const [period, now, ends] of [
    ['day', '2026-03-28T12:00', '2026-03-29T00:00'], ['day', '2026-10-25T01:00', '2026-10-26T00:00'],
    ['week', '2026-11-22T23:59', '2026-11-23T00:00'], ['month', '2026-12-31T23:59', '2027-01-01T00:00'],
  ] as const) {
    const book = new UsageBook()
    const quota = { bytes: 100, period }
    book.add('bob', quota, 100, local(now))
    assert.ok(book.beyond('bob', quota, local(ends) - 1))
    assert.not(book.beyond('bob', quota, local(ends)))
    assert.ok(book.beyond('bob', quota, local(now) - 40 * 86_400_000), 'set back')
  }
  const book = new UsageBook([{ user: 'bob', period: 'month', start: local('2040-01-01T00:00'), bytes: 100, told: 100 }])
  const quota = { bytes: 100, period: 'month' } as const
  assert.ok(book.beyond('bob', quota, local('2026-11-20T12:00')))
  book.add('bob', quota, 1, local('2026-11-20T12:00'))
  assert.not(book.beyond('bob', quota, local('2026-12-01T00:00')))
})

test('slow: a user beyond the quota has quota-rate until the period is over, in tunnels that stand, at the next login and after a restart', async () => {
  const policy = { quota: '1 MB / day', quotaAction: 'slow', quotaRate: 1000, userRateUp: 500 } as const
  const bench = new Bench({ policy })
  const rates = (at: Bench, tunnel: number): unknown => at.rig.plane.tunnelSpec(tunnel as TunnelHandle)?.shares?.map(({ rateUp, rateDown }) => [rateUp, rateDown])
  const slowed = await session(bench)
  assert.equal(rates(bench, 1), [[500, 0]])
  bench.move(1, 1_000_000)
  bench.rig.clock.advance(10_000)
  assert.equal(rates(bench, 1), [[500, 1000]])
  assert.is(slowed.policy.origins.userRateDown, 'quota')
  for (const [own, expected] of [[300, [300, 1000]], [0, [1000, 1000]], [500, [500, 1000]]] as const) {
    bench.rig.configure({ userRateUp: own })
    bench.rig.table.renewPolicies()
    assert.equal(rates(bench, 1), [expected], `with user-rate-up of ${own} since`)
  }
  assert.is(bench.refusal(), undefined)
  await session(bench, 'bob', 'phone')
  assert.equal(rates(bench, 2), [[500, 1000]])
  bench.rig.clock.advance(60_000)
  made.splice(0)
  bench.rig.kill()
  const next = new Bench({ directory: bench.rig.directory, policy })
  next.rig.table.renewPolicies()
  const restored = next.rig.table.get(slowed.id)
  assert.is(restored?.policy.values.userRateDown, 1000)
  next.rig.clock.advance(12 * 3_600_000)
  assert.is(next.rig.table.list().find(({ user }) => user === 'bob')?.policy.values.userRateDown ?? 0, 0, 'the day is over')
})

test('warn: nothing but the event; no quota: nothing is counted', async () => {
  const bench = new Bench({ policy: { quota: '1 MB / day', quotaAction: 'warn' } })
  await session(bench)
  bench.move(1, 2_000_000)
  bench.rig.clock.advance(20_000)
  assert.equal(bench.audited(), ['quota.reached 100 % of 1 MB / day'])
  assert.is(bench.rig.table.list().length, 1)
  assert.is(bench.refusal(), undefined)
  const free = new Bench({})
  await session(free)
  free.move(1, 2_000_000)
  free.rig.clock.advance(60_000)
  assert.equal(free.table.all(), [])
})

test('a quota that comes while a session stands counts from then on', async () => {
  const bench = new Bench({})
  await session(bench)
  bench.move(1, 5_000_000)
  bench.rig.clock.advance(60_000)
  bench.rig.configure({ quota: '1 MB / day' })
  bench.rig.table.renewPolicies()
  bench.move(1, 100_000)
  bench.rig.clock.advance(60_000)
  assert.equal(bench.table.all().map(({ bytes }) => Number(bytes)), [100_000])
  assert.is(bench.rig.table.list().length, 1)
})

test('quota list shows what is used, quota reset forgets it and lets the user in', async () => {
  const bench = new Bench({ policy: { quota: '1 MB / day' } })
  await session(bench)
  bench.move(1, 1_500_000)
  bench.rig.clock.advance(10_000)
  assert.is(typeof bench.refusal(), 'string')
  assert.equal(bench.run('quota list'), { data: [{ user: 'bob', period: 'day', quota: '1 MB / day', usedBytes: 1_500_000, percent: 150, since: '2026-11-19T23:00:00.000Z', until: '2026-11-20T23:00:00.000Z' }] })
  assert.equal(bench.records.describe('Bob'), {
    data: { quota: { quota: '1 MB / day', usedBytes: 1_500_000, percent: 150, until: '2026-11-20T23:00:00.000Z' } }, text: 'quota: 150 % of 1 MB / day used, until 2026-11-20T23:00:00.000Z',
  })
  assert.is(bench.records.describe('carol'), undefined)
  bench.run('quota reset', { name: 'Bob' })
  assert.is(bench.refusal(), undefined)
  assert.equal(bench.table.all(), [])
  bench.move(1, 1000)
  bench.rig.clock.advance(70_000)
  bench.records.forget('bob')
  assert.equal(bench.table.all(), [], 'who gets the name later begins anew')
  assert.equal(bench.run('quota list'), { data: [] })
  assert.is(codeOf(() => bench.run('quota reset', { name: 'bob' })), 'USER_UNKNOWN')
})

test('a quota is read once, however many sessions are asked for theirs at every look', () => {
  const quota = parseQuota('50 GB / month')
  assert.equal(quota, { bytes: 50e9, period: 'month' })
  assert.is(parseQuota('50 GB / month'), quota)
  assert.equal(parseQuota('50 GB / day'), { bytes: 50e9, period: 'day' })
  assert.is(parseQuota(''), undefined)
  assert.is(parseQuota('50 GB / fortnight'), undefined)
})

test('G09 outside the hours a login is refused with the time at which they begin', () => {
  const bench = new Bench({ policy: { hours: ['mon-fri 08:00-18:00'] } })
  assert.is(bench.refusal(), undefined)
  bench.rig.clock.advance(6 * 3_600_000)
  assert.is(bench.refusal(), 'You may not connect at this time. You may from Monday 23 November 2026, 08:00.')
  assert.ok(Buffer.byteLength(bench.refusal() ?? '') <= 256)
})

test('a store that refuses costs nothing: counting goes on and is saved later', async () => {
  const bench = new Bench({ policy: { quota: '1 GB / day' } })
  await session(bench)
  const write = bench.rig.opened.store.write.bind(bench.rig.opened.store)
  bench.rig.opened.store.write = () => {
    throw new Error('full')
  }
  bench.move(1, 1000)
  bench.rig.clock.advance(120_000)
  assert.is(bench.rig.log.lines.filter(({ message }) => message === 'the usage of quotas is not stored yet').length, 1)
  bench.rig.opened.store.write = write
  bench.rig.clock.advance(60_000)
  assert.is(bench.table.all()[0]?.bytes, 1000)
})

test.run()
