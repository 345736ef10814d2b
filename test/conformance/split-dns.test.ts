// test: limit=120
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { Dnsmasq } from '../lab/dnsmasq.ts'
import { Gateway } from '../lab/gateway.ts'
import type { Host } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect', 'nft', 'dnsmasq', 'dig'], clients: 2 })
const PASSWORD = 'correct horse 9'
const OWN = { ipv4: '10.66.0.1', ipv6: 'fd66::1' } as const
const UPSTREAM = '10.88.0.53'
const INNER = ['10.88.0.61', '10.88.0.62'] as const

/** What dig prints, and nothing when there is no answer. */
const dig = async (host: Host, name: string, ...args: string[]): Promise<string> => (await host.must(['dig', `@${OWN.ipv4}`, '+tries=1', '+time=6', ...args, name])).trim()
const short = (host: Host, name: string, ...args: string[]): Promise<string> => dig(host, name, '+short', ...args)
const words = (text: string | undefined): string[] => (text ?? '').split(/[ ,]+/).filter((word) => word !== '').sort()

test('G17 openconnect is told of the resolver, and dig through the tunnel gets names of zones inside, others upstream', async (lab) => {
  const [alice, bob] = lab.clients
  if (!alice || !bob) throw new Error('two clients')
  const inner = await Promise.all(INNER.map((address) => Dnsmasq.start(lab, lab.lan, address, { 'www.corp.example': '10.1.0.1', 'db.lab.example': '10.1.0.2', 'lab.example': '10.1.0.3', 'secret.example': '10.9.0.1', 'late.corp.example': '10.1.0.4', 'new.example': '10.1.0.5' })))
  const upstream = await Dnsmasq.start(lab, lab.lan, UPSTREAM, { 'www.example.com': '192.0.2.1', 'lab.example': '192.0.2.2', 'secret.example': '192.0.2.3' })
  const config = (servers: readonly string[], names: readonly string[]) => ({
    policy: { 'default-domain': 'corp.example', search: ['lab.example'] },
    group: {
      staff: { policy: { 'split-include': ['10.66.0.0/16', '10.88.0.0/24', 'fd66::/64'] } },
      guests: { policy: { dns: [OWN.ipv4], 'split-dns': ['*.Example.ORG.', 'corp.example'], 'tunnel-all-dns': true } },
    },
    'split-dns': { upstream: [UPSTREAM], zone: [{ names: [...names], servers: [...servers] }, { names: ['secret.example'], servers: [...servers], groups: ['staff'] }] },
  })
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups: ['staff'] }, bob: { password: PASSWORD, groups: ['guests'] } },
    config: config(INNER, ['Corp.Example.', '*.lab.example']),
  })
  const options = (user: string, server: string) => ({ pin: gateway.pin, user, answers: [PASSWORD], args: ['--authgroup', server] })
  const [first, second] = await Promise.all([OpenConnect.connect(alice, lab.folder, options('alice', 'staff')), OpenConnect.connect(bob, lab.folder, options('bob', 'guests'))])

  const staff = first.told('connect')
  assert.equal([...words(staff?.['INTERNAL_IP4_DNS']), ...words(staff?.['INTERNAL_IP6_DNS'])], [OWN.ipv4, OWN.ipv6])
  assert.is(staff?.['CISCO_DEF_DOMAIN'], 'corp.example lab.example')
  assert.equal(words(staff?.['CISCO_SPLIT_DNS']), ['corp.example', 'lab.example', 'secret.example'])
  const guests = second.told('connect')
  assert.equal(words(guests?.['INTERNAL_IP4_DNS']), [OWN.ipv4])
  assert.equal(words(guests?.['CISCO_SPLIT_DNS']), ['corp.example', 'example.org'])

  assert.is(await short(alice, 'WWW.corp.example.'), '10.1.0.1')
  assert.is(await short(alice, 'www.corp.example', '+tcp'), '10.1.0.1')
  assert.is(await short(alice, 'db.lab.example'), '10.1.0.2')
  assert.is(await short(alice, 'lab.example'), '192.0.2.2', 'the wildcard is for what is below')
  assert.is(await short(alice, 'www.example.com', `@${OWN.ipv6}`), '192.0.2.1')
  assert.is(await short(alice, 'secret.example'), '10.9.0.1')
  assert.is(await short(bob, 'secret.example'), '192.0.2.3')
  assert.is(await short(bob, 'www.corp.example'), '10.1.0.1')
  assert.match(await dig(alice, 'none.example.com'), /status: (NXDOMAIN|REFUSED)/)
  assert.match(await dig(lab.lan, 'www.corp.example'), /status: REFUSED/, 'a host of the lan is no client')

  assert.equal(inner.map((server) => server.asked('www.corp.example')), [1, 0], 'four questions, one of them not from the cache')
  assert.equal([inner[0]?.asked('www.example.com'), upstream.asked('www.corp.example')], [0, 0])
  assert.match(await gateway.must(['dns', 'flush']), /^\d+ cached answers forgotten/)
  assert.is(await short(alice, 'www.corp.example'), '10.1.0.1')
  assert.equal(inner.map((server) => server.asked('www.corp.example')), [2, 0])

  await inner[0]?.stop()
  assert.is(await short(alice, 'late.corp.example'), '10.1.0.4')
  assert.equal(inner.map((server) => server.asked('late.corp.example')), [0, 1])
  for (const name of ['a.corp.example', 'b.corp.example', 'c.corp.example']) await dig(alice, name)
  const status = await until('the dead server', async () => {
    const text = await gateway.must(['dns', 'status'])
    return text.includes(`server ${INNER[0]}: dead`) && text
  })
  assert.match(status, /listens on: 10\.66\.0\.1, fd66::1/)
  assert.match(status, /group staff: 3 zones, other names to the upstream/)
  assert.match(await gateway.must(['status']), new RegExp(`the DNS server ${INNER[0]} does not answer`))

  assert.is(await short(alice, 'new.example'), '')
  gateway.configure(config([INNER[1]], ['new.example']))
  await gateway.must(['reload'])
  assert.is(await short(alice, 'new.example'), '10.1.0.5')
  assert.is(await short(alice, 'www.corp.example'), '', 'no zone any more')
  assert.not.match(await gateway.must(['status']), /does not answer/)
  await gateway.stop()
  assert.is((await alice.run(['dig', `@${OWN.ipv4}`, '+tries=1', '+time=1', 'www.corp.example'])).code === 0, false)
})

test.run()
