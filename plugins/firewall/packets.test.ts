// test: limit=60
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { HealthEntry, Policy } from '../../core/api.ts'
import { build, endChildren, firewallOn, forward, GATEWAY, INSIDE, ip, netReason, OUTSIDE, prober, serve, start, within, type Peer, type Probe } from './testing-net.ts'

if (netReason !== undefined) process.stdout.write(`SKIP ${netReason}\n`)
const proven = (name: string, body: (gateway: Peer) => Promise<void>): void => {
  test(name, async () => {
    if (netReason !== undefined) return
    const gateway = firewallOn('pt0')
    forward('1')
    try {
      await gateway.say('up')
      await body(gateway)
    } finally {
      await gateway.say('down')
      endChildren()
    }
  })
}

const NEAR = { v4: '192.0.2.2', v6: '2001:db8::2' }
const FAR = { v4: '192.0.2.3', v6: '2001:db8::3' }
const hosts = [NEAR.v4, NEAR.v6, FAR.v4, FAR.v6]
/** Everything a client may try. */
const ALL = hosts.flatMap((host) => [...[53, 80, 443].map((port) => `tcp ${host} ${port}`), ...[53, 443].map((port) => `udp ${host} ${port}`), `icmp ${host}`])
const but = (...denied: readonly string[]): readonly string[] => ALL.filter((probe) => !denied.some((word) => probe.startsWith(word) || probe.endsWith(word)))
const only = (...allowed: readonly string[]): readonly string[] => ALL.filter((probe) => allowed.some((word) => probe.startsWith(word)))

const answer = (text: string) => JSON.parse(text) as { readonly health: readonly HealthEntry[]; readonly carrying: readonly string[] }
const table = (): string => within(GATEWAY, 'nft', 'list', 'table', 'inet', 'postern_pt0')
const sessions = async (gateway: Peer, given: object) => answer(await gateway.say(`sessions ${JSON.stringify(given)}`))
const LEASES = { ipv4: '10.20.0.5', ipv6: 'fd20::5' }

proven('G17 deny, allow, ports, protocols, routes and DNS servers, in both families: what passes and what does not', async (gateway) => {
  await serve(OUTSIDE, hosts)
  const cases: readonly (readonly [Partial<Policy>, readonly string[]])[] = [
    [{}, ALL],
    [{ deny: ['tcp 443', `udp 53 ${NEAR.v6}`] }, but('tcp 192.0.2.2 443', 'tcp 192.0.2.3 443', 'tcp 2001:db8::2 443', 'tcp 2001:db8::3 443', 'udp 2001:db8::2 53')],
    [{ deny: ['tcp 50-100', 'icmp'] }, ALL.filter((one) => one.startsWith('udp') || one.endsWith(' 443'))],
    [{ deny: [FAR.v4, '2001:db8::2/127', 'udp'] }, only('tcp 192.0.2.2', 'icmp 192.0.2.2')],
    [{ allow: [`tcp 443 ${NEAR.v4}`, `icmp ${FAR.v6}`] }, ['tcp 192.0.2.2 443', 'icmp 2001:db8::3']],
    [{ allow: ['192.0.2.0/24'], deny: [`tcp 80 ${NEAR.v4}`], dns: [FAR.v6] }, ALL.filter((one) => (one.includes('192.0.2.') && one !== 'tcp 192.0.2.2 80') || one === 'tcp 2001:db8::3 53' || one === 'udp 2001:db8::3 53')],
    [{ restrictToRoutes: true, splitInclude: ['192.0.2.0/24'], splitExclude: ['192.0.2.3/32'] }, only('tcp 192.0.2.2', 'udp 192.0.2.2', 'icmp 192.0.2.2')],
    [{ restrictToRoutes: true, splitExclude: ['192.0.2.0/24'], dns: [NEAR.v4] }, ALL.filter((one) => one.includes('2001:') || one === 'tcp 192.0.2.2 53' || one === 'udp 192.0.2.2 53')],
    [{ restrictToRoutes: true, splitInclude: ['2001:db8::2/128'], allow: ['tcp 443', FAR.v4] }, ['tcp 2001:db8::2 443']],
    [{ deny: ['0.0.0.0/0'] }, ALL.filter((one) => one.includes('2001:'))],
  ]
  const addresses = (at: number) => ({ ipv4: `10.20.1.${at}`, ipv6: `fd20::1:${at}` })
  for (const at of cases.keys()) {
    for (const address of Object.values(addresses(at))) ip('-n', INSIDE, 'addr', 'add', `${address}/${address.includes(':') ? 128 : 16}`, 'dev', 'c0', ...(address.includes(':') ? ['nodad'] : []))
  }
  const { health, carrying } = await sessions(gateway, Object.fromEntries(cases.map(([policy], at) => [`s${at}`, { ...addresses(at), policy }])))
  assert.equal([health, carrying], [[], []])
  const probes = cases.flatMap((_, at) => ALL.map((probe): Probe => [probe, addresses(at)[probe.includes(':') ? 'ipv6' : 'ipv4']]))
  const answered = await prober(INSIDE)(probes)
  for (const [at, [policy, passes]] of cases.entries()) {
    assert.equal(ALL.filter((_, probe) => answered[at * ALL.length + probe]).sort(), [...passes].sort(), JSON.stringify(policy))
  }
})

proven('G17 the gateway itself is judged too; who comes from the other side is answered; a rule that comes later ends what is open', async (gateway) => {
  ip('-n', OUTSIDE, 'route', 'add', '10.20.0.0/16', 'via', '192.0.2.1')
  await serve(INSIDE, [LEASES.ipv4])
  await serve(GATEWAY, ['10.20.0.1'])
  await sessions(gateway, { alice: { ...LEASES, policy: { allow: ['tcp 80 192.0.2.2'], dns: ['10.20.0.1'] } } })
  const [inside, outside] = [prober(INSIDE), prober(OUTSIDE)]
  assert.equal(await inside([['tcp 192.0.2.1 443'], ['tcp 10.20.0.1 80'], ['udp 10.20.0.1 53'], ['tcp 10.20.0.1 53']]), [false, false, true, true])
  await sessions(gateway, { alice: { ...LEASES, policy: { allow: ['tcp 80 192.0.2.2'] } } })
  assert.equal(await inside([['tcp 10.20.0.1 80'], ['udp 10.20.0.1 53'], ['tcp 10.20.0.1 53']]), [false, true, true], 'its policy names no servers: the gateway may be one')
  assert.equal(await outside([['tcp 10.20.0.5 443'], ['udp 10.20.0.5 443'], ['icmp 10.20.0.5']]), [true, true, true])

  const echo = start(OUTSIDE, process.execPath, '-e', "require('net').createServer((s) => s.pipe(s)).listen(81, () => console.log('up'))")
  await echo.line()
  await sessions(gateway, { alice: { ...LEASES, policy: {} } })
  const client = start(INSIDE, process.execPath, '-e', "const s = require('net').connect(81, '192.0.2.2', () => console.log('up')); process.stdin.pipe(s); s.pipe(process.stdout)")
  await client.line()
  assert.is(await client.say('before'), 'before')
  await sessions(gateway, { alice: { ...LEASES, policy: { deny: ['tcp 81'] } } })
  const late = client.say('after')
  assert.is(await Promise.race([late, new Promise((done) => setTimeout(done, 500, 'nothing'))]), 'nothing')
  await sessions(gateway, { alice: { ...LEASES, policy: {} } })
  assert.is(await late, 'after', 'and goes on when the rule goes')
})

proven('G17 logins are elements, not rules; who restricts nothing has none; networks behind a client follow its rules', async (gateway) => {
  await sessions(gateway, { plain: { ipv4: '10.20.0.4', policy: {} } })
  assert.not.match(table(), /clients|peers|judge/)
  const restricted = { deny: ['10.9.0.0/16'] }
  const many = Array.from({ length: 20 }, (_, at) => at + 10)
  await sessions(gateway, Object.fromEntries(many.map((i) => [`s${i}`, { ipv4: `10.20.0.${i}`, ipv6: `fd20::${i}`, policy: restricted }])))
  const twenty = table()
  assert.is(twenty.match(/chain rules_/g)?.length, 1)
  assert.is(twenty.match(/: jump rules_/g)?.length, 40)
  await sessions(gateway, { peer: { ipv4: '10.20.0.40', policy: { clientToClient: true } } })
  await sessions(gateway, { site: { ipv4: '10.20.0.41', policy: { allow: ['tcp 22'], iroute: ['192.168.0.0/16'], clientToClient: true } } })
  await sessions(gateway, { inner: { ipv4: '10.20.0.42', policy: { ...restricted, iroute: ['192.168.7.0/24'] } } })
  const three = table()
  assert.match(three, /peers4 \{[^}]*10\.20\.0\.40, 10\.20\.0\.41/)
  assert.match(three, /192\.168\.0\.0-192\.168\.6\.255 : jump rules_/)
  assert.match(three, /192\.168\.7\.0\/24 : jump rules_/)
  assert.match(three, /192\.168\.8\.0-192\.168\.255\.255 : jump rules_/)
  await gateway.say(`end ${many.map((i) => `s${i}`).join()},inner,site,peer`)
  assert.not.match(table(), /rules_|10\.20\.0\.\d+ :|elements/)
})

proven('G17 somebody flushes every ruleset: the table is back within seconds, with its elements, and a health entry says so', async (gateway) => {
  await sessions(gateway, { alice: { ...LEASES, policy: { deny: ['tcp 443'] } } })
  within(GATEWAY, 'nft', 'flush', 'ruleset')
  within(GATEWAY, 'nft', 'add', 'table', 'inet', 'other')
  const limit = Date.now() + 10_000
  while (!within(GATEWAY, 'nft', 'list', 'tables').includes('postern_pt0') && Date.now() < limit) await new Promise((done) => setTimeout(done, 100))
  assert.match(table(), /10\.20\.0\.5 : jump rules_/)
  assert.match(within(GATEWAY, 'nft', 'list', 'tables'), 'table inet other')
  assert.equal(answer(await gateway.say('')).health.map(({ code }) => code), ['firewall-flushed'])
  // A login right behind a flush does not wait for the look.
  within(GATEWAY, 'nft', 'flush', 'ruleset')
  await sessions(gateway, { bob: { ipv4: '10.20.0.6', policy: { deny: ['tcp 443'] } } })
  assert.match(table(), /10\.20\.0\.6 : jump rules_/)
  assert.match(table(), /10\.20\.0\.5 : jump rules_/)
})

if (netReason === undefined) build()
test.run()
