import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, type Session } from '../../core/api.ts'
import { BanRule } from './ban-rule.ts'
import { GuardBench, type GuardBenchOptions } from './testing.ts'

const test = suite('postern ban')
const made: GuardBench[] = []
const bench = (options?: GuardBenchOptions): GuardBench => {
  const one = new GuardBench(options)
  made.push(one)
  return one
}
test.after.each(() => made.splice(0).forEach((one) => one.close()))
const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
  } catch (error) {
    if (error instanceof GatewayError) return `${error.code} ${error.message}`
    throw error
  }
  return 'not refused'
}

test('G27 ban list says who, by whom, until when and why', async () => {
  const one = bench()
  one.fail('a', '2001:db8::1', 20)
  await one.run('ban add', '10.9.0.0/16', { for: '1h', reason: 'scanners' })
  await one.run('ban add', 'Mallory')
  const rows = (await one.run('ban list')).data as Record<string, unknown>[]
  assert.equal(rows.map(({ target, kind, by, until, reason }) => [target, kind, by, until === null ? null : 'some', reason]), [
    ['2001:db8::/64', 'network', 'login-guard', 'some', '19 failures in 1 s for 1 name'],
    ['10.9.0.0/16', 'network', 'admin', 'some', 'scanners'],
    ['mallory', 'user', 'admin', null, ''],
  ])
  assert.is(rows[1]?.['until'], new Date(one.clock.now() + 3_600_000).toISOString())
})

test('G27 a ban by hand holds for everybody of the network, and ends with its time', async () => {
  const one = bench()
  one.succeed('alice', '10.9.1.2')
  await one.run('ban add', '10.9.0.0/16', { for: '3h' })
  assert.is(await one.admitted('alice', '10.9.1.2'), 'Logins from your network are not accepted. Try again in 3 hours.')
  one.clock.advance(10_800_000)
  assert.is(await one.admitted('alice', '10.9.1.2'), 0)
  await one.run('ban add', '10.9.1.2')
  assert.is(await one.admitted('alice', '10.9.1.2'), 'Logins from your network are not accepted. Please contact your administrator.')
})

test('G27 a banned user is refused by form and by any other proof, whatever the case', async () => {
  const one = bench()
  await one.run('ban add', 'Mallory')
  assert.is(await one.admitted('MALLORY', '10.0.0.1', { trusted: true }), 'Logins of this account are not accepted. Please contact your administrator.')
  const rule = new BanRule(one.bans)
  assert.is(rule.refuse({ identity: { user: 'mallory', groups: [], source: 'certificate' } })?.reason, 'banned')
  assert.is(rule.refuse({ identity: { user: 'alice', groups: [], source: 'certificate' } }), undefined)
})

test('G27 ban remove lets in at once and forgets the failures; an address lifts the automatic ban around it', async () => {
  const one = bench()
  one.fail('a', '2001:db8::1', 20)
  const done = await one.run('ban remove', '2001:db8::5')
  assert.equal(done.data, { target: '2001:db8::5', removed: ['2001:db8::/64'] })
  assert.is(await one.admitted('a', '2001:db8::1'), 0)
  const entry = one.audit.list(1)[0]
  assert.equal([entry?.action, entry?.subject, entry?.detail], ['ban.remove', '2001:db8::5', '2001:db8::/64: 19 failures in 1 s for 1 name'])
  one.fail('bob', '10.0.0.1', 8)
  assert.is(await one.admitted('bob', '10.0.0.1'), 10_000)
  await one.run('ban remove', 'bob')
  assert.is(await one.admitted('bob', '10.0.0.1'), 0)
})

test('G27 ban remove refuses what is not banned, and names the network that is', async () => {
  const one = bench()
  assert.is(await refusal(one.run('ban remove', '10.9.0.1')), 'REFUSED 10.9.0.1 is not banned')
  assert.is(await refusal(one.run('ban remove', 'alice')), 'REFUSED alice is not banned')
  await one.run('ban add', '10.9.0.0/16')
  assert.is(await refusal(one.run('ban remove', '10.9.0.1')), 'REFUSED 10.9.0.1 lies in 10.9.0.0/16, which is banned: remove that')
  await one.run('ban remove', '10.9.0.0/16')
  assert.equal(one.bans.list(), [])
})

test('bad targets, lengths and reasons are refused in one line', async () => {
  const one = bench({ config: { 'never-ban': ['10.1.0.0/24'] } })
  for (const [target, options, text] of [
    ['10.0.0.1.2', {}, 'USAGE "10.0.0.1.2": no address and no network'],
    ['10.0.0.0/33', {}, 'USAGE "10.0.0.0/33": no address and no network'],
    ['-x', {}, /^USAGE "-x": /],
    ['', {}, /^USAGE "": /],
    ['10.0.0.1', { for: '1' }, /^USAGE --for: /],
    ['10.0.0.1', { for: '5s' }, /^USAGE --for: /],
    ['10.0.0.1', { reason: 'a\nb' }, /^USAGE --reason must be one line/],
    ['10.0.0.0/8', {}, 'REFUSED 10.0.0.0/8: never-ban of [login-guard] has addresses of it'],
    ['10.1.0.7', {}, 'REFUSED 10.1.0.7: never-ban of [login-guard] has addresses of it'],
  ] as const) {
    const said = await refusal(one.run('ban add', target, options))
    if (typeof text === 'string') assert.is(said, text)
    else assert.match(said, text)
  }
  assert.equal(one.bans.list(), [])
})

test('G27 --drop ends the sessions from there, or of the user, and no others', async () => {
  const one = bench()
  one.sessions = [{ id: 's1', user: 'alice', peer: '10.9.0.1:5000' }, { id: 's2', user: 'bob', peer: '[2001:db8::1]:5000' }, { id: 's3', user: 'Bob', peer: '10.9.0.2:1' }] as Session[]
  assert.equal((await one.run('ban add', '10.9.0.1', { drop: true })).data, { target: '10.9.0.1', kind: 'network', until: null, sessionsEnded: 1 })
  await one.run('ban add', 'bob', { drop: true, for: '1d' })
  assert.equal(one.ended, [
    's1 admin Logins from your network are not accepted. Please contact your administrator.',
    's2 admin Logins of this account are not accepted. Try again in 24 hours.', 's3 admin Logins of this account are not accepted. Try again in 24 hours.',
  ])
})

test('without a running gateway bans are added, listed and removed in the store', async () => {
  const one = bench()
  const added = await one.offline.handlers['ban add']?.({ args: { target: '10.0.0.1' }, options: { drop: true }, actor: 'cli' })
  assert.match(added?.text ?? '', /the gateway does not run, no session was ended$/)
  one.close()
  made.length = 0
  const again = bench({ directory: one.directory })
  assert.is((((await again.offline.handlers['ban list']?.({ args: {}, options: {}, actor: 'cli' }))?.data) as unknown[]).length, 1)
})

test.run()
