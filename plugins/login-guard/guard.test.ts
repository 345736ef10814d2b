import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ATTACK, ATTACK_FAILURES, SPRAY } from './attack-watch.ts'
import { GuardBench, type GuardBenchOptions } from './testing.ts'

const test = suite('login-guard')
const made: GuardBench[] = []
const bench = (options?: GuardBenchOptions): GuardBench => {
  const one = new GuardBench(options)
  made.push(one)
  return one
}
test.after.each(() => made.splice(0).forEach((one) => one.close()))

const HOME = '192.0.2.7'
const NAT = '198.51.100.1'
const BANNED = /^Too many failed attempts from your network\. Try again in 15 minutes\.$/

test('G27 three failures are free, further attempts of the pair wait 1, 2, 4, 8, 10, 10 s', async () => {
  const one = bench({ config: { 'ban-after': 1000 } })
  const waits = []
  for (let failures = 0; failures < 9; failures++) {
    waits.push(await one.admitted('alice', HOME))
    one.fail('alice', HOME)
  }
  assert.equal(waits, [0, 0, 0, 1000, 2000, 4000, 8000, 10_000, 10_000])
})

test('G27 points fade: after two half-lives six failures are one and a half, and the next attempt waits for nothing', async () => {
  const one = bench()
  one.fail('alice', HOME, 6)
  assert.is(await one.admitted('alice', HOME), 8000)
  one.clock.advance(1_200_000)
  assert.is(await one.admitted('alice', HOME), 0)
})

test('G27 a right password takes back what its pair has cost name and network', async () => {
  const one = bench()
  for (const user of ['a', 'b', 'c', 'd']) {
    one.fail(user, NAT, 3)
    one.succeed(user, NAT)
  }
  one.fail('e', NAT, 5)
  assert.equal(one.bans.list(), [], '17 failures, and 6 points')
  assert.is(await one.admitted('a', NAT), 0)
})

test('G27 a network is banned at ban-after points: one name 19 failures, many names half of them', async () => {
  const one = bench()
  one.fail('alice', HOME, 18)
  assert.equal(one.bans.list(), [])
  one.fail('alice', HOME)
  assert.match(`${await one.admitted('alice', HOME)}`, BANNED)
  for (let name = 0; name < 9; name++) one.fail(`user${name}`, NAT)
  assert.is(one.bans.list().length, 1)
  one.fail('user9', NAT)
  assert.match(`${await one.admitted('else', NAT)}`, BANNED)
  assert.is(one.bans.list()[1]?.reason, '10 failures in 1 s for 10 names')
  const entry = one.audit.list(5).find(({ subject }) => subject === NAT)
  assert.match(entry?.detail ?? '', /^10 failures in 1 s for 10 names, until 2026-/)
  assert.is(entry?.action, 'ban.add')
})

test('G27 failures without a name ban a network too, and nobody is slowed by name', async () => {
  const one = bench()
  one.fail(undefined, HOME, 20)
  assert.match(`${await one.admitted(undefined, HOME)}`, BANNED)
  assert.is(await one.admitted(undefined, NAT), 0)
})

test('G27 bans end by the monotonic clock; each further one within a day is twice as long, at most a day', async () => {
  const one = bench()
  const first = (): number => one.bans.list().map((ban) => one.bans.left(ban) ?? 0)[0] ?? 0
  const lengths: number[] = []
  for (let round = 0; round < 9; round++) {
    one.fail(undefined, HOME, 20)
    const left = first()
    lengths.push(left / 60_000)
    one.clock.jump(10 * 86_400_000)
    assert.is(one.bans.list().length, 1, 'the wall clock frees nobody')
    one.clock.jump(-10 * 86_400_000)
    one.clock.advance(left - 1)
    assert.is(one.bans.list().length, 1)
    one.clock.advance(1)
    assert.equal(one.bans.list(), [])
    assert.is(await one.admitted(undefined, HOME), 0)
  }
  assert.equal(lengths, [15, 30, 60, 120, 240, 480, 960, 1440, 1440])
  one.clock.advance(86_400_000)
  one.bans.purge()
  one.fail(undefined, HOME, 20)
  assert.is(first(), 900_000)
})

test('G27 an automatic ban survives a restart, also with a clock that begins in 1970', async () => {
  const one = bench()
  one.fail(undefined, HOME, 20)
  one.clock.advance(300_000)
  one.close()
  made.length = 0
  const clock = one.clock
  const again = bench({ directory: one.directory, clock })
  assert.is(await again.admitted('x', HOME), 'Too many failed attempts from your network. Try again in 10 minutes.')
  again.close()
  made.length = 0
  clock.jump(-50 * 365 * 86_400_000)
  const wrong = bench({ directory: one.directory, clock })
  assert.is(await wrong.admitted('x', HOME), 'Too many failed attempts from your network. Try again in 15 minutes.')
})

test('G27 a colleague behind the banned address gets in at once, and waits for the own failures alone', async () => {
  const one = bench()
  one.succeed('Alice', NAT)
  one.fail('mallory', NAT, 30)
  assert.match(`${await one.admitted('mallory', NAT)}`, BANNED)
  assert.match(`${await one.admitted('bob', NAT)}`, BANNED)
  assert.is(await one.admitted(' alice ', NAT), 0, 'names are one whatever their case')
  one.fail('alice', NAT, 5)
  assert.is(await one.admitted('alice', NAT), 4000)
  one.clock.advance(31 * 86_400_000)
  one.fail('mallory', NAT, 30)
  assert.match(`${await one.admitted('alice', NAT)}`, /Too many/)
})

test('G27 where a user has logged in is known after a restart', async () => {
  const one = bench()
  one.succeed('alice', NAT)
  one.close()
  made.length = 0
  const again = bench({ directory: one.directory })
  again.fail('mallory', NAT, 30)
  assert.is(await again.admitted('alice', NAT), 0)
  assert.match(`${await again.admitted('bob', NAT)}`, BANNED)
})

test('G27 a guesser behind the address of a user is slowed like anywhere, and never locks the user out', async () => {
  const one = bench()
  one.succeed('alice', NAT)
  one.fail('alice', NAT, 500)
  assert.is(await one.admitted('alice', NAT), 10_000)
  one.succeed('alice', NAT)
  assert.is(await one.admitted('alice', NAT), 0)
})

test('G27 an attack on a name from everywhere slows it elsewhere, not where its user is at home; it is not locked', async () => {
  const one = bench()
  one.succeed('alice', HOME)
  for (let at = 1; at < 200; at++) one.fail('alice', `203.0.113.${at}`)
  assert.is(await one.admitted('alice', HOME), 0)
  assert.is(await one.admitted('alice', '192.0.2.99'), 10_000)
  assert.is(await one.admitted('bob', '192.0.2.99'), 0)
})

test('G27 lock-after refuses the name where it is not known, and only there, until it has faded', async () => {
  const one = bench({ config: { 'lock-after': 50 } })
  one.succeed('alice', HOME)
  for (let at = 1; at <= 60; at++) one.fail('alice', `203.0.113.${at}`)
  assert.is(await one.admitted('alice', '192.0.2.99'), 'Too many failed attempts for this account. Please try again later.')
  assert.is(await one.admitted('alice', HOME), 0)
  assert.equal(one.audit.list(9).filter(({ action }) => action === 'login.lock').map(({ subject, detail }) => [subject, detail]), [['alice', '50 points of failed logins']])
  const rows = (await one.run('ban list')).data as { target: string; kind: string }[]
  assert.equal(rows.map(({ target, kind }) => [target, kind]), [['alice', 'user']])
  one.clock.advance(300_000)
  assert.is(await one.admitted('alice', '192.0.2.99'), 10_000)
})

test('G27 a valid cookie or an accepted certificate is never caught by a ban, and its failures ban nobody', async () => {
  const one = bench()
  one.fail('mallory', NAT, 30)
  assert.is(await one.admitted('bob', NAT, { trusted: true }), 0)
  one.fail('bob', HOME, 100, { trusted: true })
  assert.is(one.bans.of({ family: 4, value: 0xc0000207n }), undefined)
  assert.is(await one.admitted('bob', HOME, { trusted: true }), 10_000)
  await one.run('ban add', NAT)
  assert.is(await one.admitted('bob', NAT, { trusted: true }), 0)
})

test('G27 IPv6: the /64 is one network, the /48 is banned at four times the points', async () => {
  const one = bench()
  for (let host = 1; host <= 20; host++) one.fail(undefined, `2001:db8:1:1::${host}`)
  assert.equal(one.bans.list().map(({ target }) => target), ['2001:db8:1:1::/64'])
  assert.match(`${await one.admitted('bob', '2001:db8:1:1:ffff::1')}`, BANNED)
  assert.is(await one.admitted('bob', '2001:db8:1:2::1'), 0)
  for (let net = 2; net < 62; net++) one.fail(undefined, `2001:db8:1:${net.toString(16)}::1`)
  assert.equal(one.bans.list().map(({ target }) => target), ['2001:db8:1:1::/64', '2001:db8:1::/48'])
  assert.match(`${await one.admitted('bob', '2001:db8:1:abcd::1')}`, BANNED)
  assert.is(await one.admitted('bob', '2001:db8:2::1'), 0)
})

test('G27 IPv4 within IPv6 is IPv4', async () => {
  const one = bench()
  one.fail(undefined, `::ffff:${HOME}`, 20)
  assert.equal(one.bans.list().map(({ target }) => target), [HOME])
  assert.match(`${await one.admitted('bob', HOME)}`, BANNED)
})

test('G27 allow: failures count for the name alone; never-ban: slowed, not banned, also when the list comes later', async () => {
  const one = bench({ config: { allow: ['10.0.0.0/24'], 'never-ban': ['10.0.1.0/24'] } })
  one.fail('alice', '10.0.0.1', 50)
  assert.equal([await one.admitted('alice', '10.0.0.1'), await one.admitted('bob', '10.0.0.1')], [10_000, 0])
  one.fail(undefined, '10.0.1.1', 50)
  assert.is(await one.admitted('bob', '10.0.1.1'), 10_000)
  assert.equal(one.bans.list(), [])
  one.fail(undefined, HOME, 20)
  assert.match(`${await one.admitted('bob', HOME)}`, BANNED)
  one.guard.settings = { ...one.guard.settings, neverBan: [{ family: 4, base: 0xc0000200n, length: 24 }] }
  assert.is(await one.admitted('bob', HOME), 0)
})

test('G27 who waits when the network is banned reads it at once', async () => {
  const one = bench()
  one.fail('alice', HOME, 12)
  const waiting = one.guard.admit(one.attempt('alice', HOME))
  await Promise.resolve()
  assert.is(one.room.size, 1)
  one.fail('alice', HOME, 10)
  assert.match((await waiting)?.text ?? '', BANNED)
  assert.is(one.room.size, 0)
})

test('G27 a client that has left while it waited is not judged', async () => {
  const one = bench()
  one.fail('alice', HOME, 5)
  let connected = true
  const waiting = one.guard.admit(one.attempt('alice', HOME, { connected: () => connected }))
  await Promise.resolve()
  connected = false
  one.clock.advance(10_000)
  assert.is((await waiting)?.reason, 'unavailable')
})

test('G27 many failures raise a health entry, which goes when they stop; those who know the password in the end do not count', () => {
  const one = bench()
  const raised = (): string | undefined => one.health.list().find(({ code }) => code === ATTACK)?.text
  one.watch.start()
  for (let at = 0; at < 40; at++) {
    one.fail(`u${at}`, `203.0.113.${at}`, 2)
    one.succeed(`u${at}`, `203.0.113.${at}`)
    one.clock.advance(5000)
  }
  assert.is(raised(), undefined)
  one.fail('alice', HOME, ATTACK_FAILURES)
  assert.match(raised() ?? '', /^logins are under attack: \d+ failed and 0 were turned away in the last 10 minutes, for 1 names, from \d+ networks, 1 bans are in force/)
  one.clock.advance(1_200_000)
  assert.is(raised(), undefined)
  one.watch.stop()
})

test('G27 one password tried on many names from many addresses is seen, though no counter is high', () => {
  const one = bench()
  for (let at = 0; at < SPRAY.names; at++) one.fail(`u${at}`, `203.0.113.${at % SPRAY.networks}`)
  assert.match(one.health.list().find(({ code }) => code === ATTACK)?.text ?? '', /common passwords are being tried/)
  assert.equal(one.bans.list(), [])
})

test('G27 a database that cannot be written bans all the same', async () => {
  const one = bench()
  one.bans['table'].put = () => {
    throw new Error('disk full')
  }
  one.fail(undefined, HOME, 20)
  assert.match(`${await one.admitted('bob', HOME)}`, BANNED)
  assert.ok(one.log.has('a ban is not stored'))
})

test('G27 a banned network is barred while nobody is at home there, and told how long', async () => {
  const one = bench({ config: { 'never-ban': ['203.0.113.0/24'] } })
  assert.is(one.guard.barred(NAT), undefined)
  one.fail(undefined, NAT, 20)
  assert.equal(one.guard.barred(NAT), { text: 'Too many failed attempts from your network. Try again in 15 minutes.', retryAfterSec: 900 })
  assert.equal([one.counters.turnedAway, one.guard.barred(HOME), one.guard.barred('unix')], [1, undefined, undefined])
  // An automatic ban lets in who has logged in there, and nobody knows the name before the form; one by hand does not.
  one.succeed('alice', NAT)
  assert.is(one.guard.barred(NAT), undefined)
  one.known.save()
  assert.is(one.guard.barred(NAT), undefined, 'as a row')
  await one.run('ban add', NAT)
  assert.equal(one.guard.barred(NAT), { text: 'Logins from your network are not accepted. Please contact your administrator.' })
  await one.run('ban add', '2001:db8::/32', { for: '1h' })
  assert.equal(one.guard.barred('2001:db8:1::1'), { text: 'Logins from your network are not accepted. Try again in 60 minutes.', retryAfterSec: 3600 })
  one.clock.advance(3_600_000)
  assert.is(one.guard.barred('2001:db8:1::1'), undefined)
})

test('G27 known places are bounded: the oldest go', async () => {
  const one = bench({ known: 10 })
  for (let at = 0; at < 12; at++) {
    one.succeed(`u${at}`, HOME)
    one.clock.advance(10_000)
  }
  assert.equal(Array.from({ length: 12 }, (_, at) => one.known.has(`u${at}`, HOME, 1e9)), [false, false, ...Array.from({ length: 10 }, () => true)])
})

test.run()
