// test: limit=180
import { readFileSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { CiscoClient } from '../cisco-script/cisco-client.ts'
import { ANDROID, WINDOWS, type CiscoClientKind } from '../cisco-script/clients.ts'
import { headerOf, headersOf } from '../cisco-script/http-exchange.ts'
import { CISCO_TLS, tlsWire } from '../cisco-script/wire.ts'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Host, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect', 'nft'], clients: 2 })
const PASSWORD = 'correct horse 9'
const THOUSAND = Array.from({ length: 1000 }, (_, at) => (at % 2 === 0 ? `10.${100 + (at >> 9)}.${(at >> 1) & 255}.0/24` : `fd0${at >> 9}:${(at >> 1).toString(16)}::/48`))
const SITE = { ipv4: '198.18.7.7', ipv6: 'fd99:7::7' } as const

const GROUPS = ['rich', 'four', 'six', 'thousand', 'site']
/** Said in each group: what it leaves open would come from the user's other groups. */
const PLAIN = { pool: 'default', 'split-include': [], 'split-exclude': [], iroute: [], 'local-lan': false, dns: [], 'split-dns': [] }

const start = (lab: Lab): Promise<Gateway> => Gateway.start(lab, {
  users: { alice: { password: PASSWORD, groups: GROUPS }, bob: { password: PASSWORD, groups: GROUPS } },
  config: {
    pool: { four: { ipv4: '10.67.0.0/24' }, six: { ipv6: 'fd67::/64' } },
    group: {
      rich: { policy: {
        ...PLAIN,
        'split-include': ['10.88.0.0/24', '10.66.0.0/16', 'fd88::/64', '10.88.0.0/24', `${GATEWAY.ipv4}/32`], 'split-exclude': ['10.88.0.128/25', 'fd88::8000:0:0:0/65'], 'local-lan': true,
        dns: ['10.66.0.1', 'fd66::1'], nbns: ['10.88.0.5'], 'default-domain': 'lab.example', 'split-dns': ['corp.example'], 'client-bypass-protocol': true,
        'dynamic-split-include': ['corp.example'], 'dynamic-split-exclude': ['teams.example', 'zoom.example'],
      } },
      four: { policy: { ...PLAIN, pool: 'four' } },
      six: { policy: { ...PLAIN, pool: 'six', 'split-include': ['fd88::/64'] } },
      thousand: { policy: { ...PLAIN, 'split-include': [...THOUSAND.slice(0, 998), '10.88.0.0/24', 'fd88::/64'], 'split-exclude': THOUSAND.map((network) => network.replace(/^10\.1/, '11.1').replace(/^fd/, 'fc')) } },
      site: { policy: { ...PLAIN, iroute: ['198.18.7.0/24', 'fd99:7::/48'], 'split-include': ['10.88.0.0/24', 'fd88::/64'] } },
    },
  },
})
const connect = (lab: Lab, gateway: Gateway, group: string, client = 0): Promise<OpenConnect> =>
  OpenConnect.connect(lab.clients[client] as Host, lab.folder, { pin: gateway.pin, user: client === 0 ? 'alice' : 'bob', answers: [PASSWORD], args: ['--authgroup', group] })
const routes = async (host: Host, family: '-4' | '-6', device = 'tun0'): Promise<readonly string[]> =>
  (await host.must(['ip', family, 'route', 'show', 'dev', device])).split('\n').map((line) => line.split(' ')[0] ?? '').filter((text) => text !== '')
const reaches = async (host: Host, address: string): Promise<boolean> => (await ping(host, address, { count: 2 })).received === 2

test('G09 G16 every header of addresses and routes has its effect in openconnect; v4 only, v6 only, dual; 1,000 networks', async (lab) => {
  const gateway = await start(lab)
  const rich = await connect(lab, gateway, 'rich')
  const told = rich.told('connect') ?? {}
  const split = (name: string): readonly string[] => Array.from({ length: Number(told[name] ?? 0) }, (_, at) => `${told[`${name}_${at}_ADDR`]}/${told[`${name}_${at}_MASKLEN`]}`).sort()
  assert.equal(split('CISCO_SPLIT_INC'), ['10.66.0.0/16', '10.88.0.0/24'], 'once each, and not the gateway itself')
  assert.equal(split('CISCO_IPV6_SPLIT_INC'), ['fd88::/64'])
  assert.equal(split('CISCO_SPLIT_EXC'), ['0.0.0.0/32', '10.88.0.128/25'])
  assert.equal(split('CISCO_IPV6_SPLIT_EXC'), ['::/128', 'fd88::8000:0:0:0/65'])
  assert.is(told['INTERNAL_IP4_NBNS'], '10.88.0.5')
  assert.is(told['INTERNAL_IP4_DNS'], '10.66.0.1 fd66::1')
  assert.is(told['CISCO_DEF_DOMAIN'], 'lab.example')
  assert.is(told['CISCO_SPLIT_DNS'], 'corp.example')
  assert.match(told['CISCO_CSTP_OPTIONS'] ?? '', /X-CSTP-Client-Bypass-Protocol=true/)
  assert.not.match(told['CISCO_CSTP_OPTIONS'] ?? '', /Post-Auth-XML/)
  assert.equal([await reaches(lab.client, LAN.ipv4), await reaches(lab.client, LAN.ipv6)], [true, true])
  assert.equal(await routes(lab.client, '-4'), ['10.66.0.0/16', '10.88.0.0/24'])
  assert.ok((await routes(lab.client, '-4', 'eth0')).includes('10.88.0.128/25'))

  const four = await connect(lab, gateway, 'four', 1)
  assert.equal([four.told('connect')?.['INTERNAL_IP4_ADDRESS'], four.told('connect')?.['INTERNAL_IP6_ADDRESS'], four.told('connect')?.['CISCO_SPLIT_INC']], ['10.67.0.2', undefined, undefined])
  assert.is(await reaches(lab.clients[1] as Host, LAN.ipv4), true)
  assert.equal(await routes(lab.clients[1] as Host, '-4'), ['default'])
  await Promise.all([four.stop(), rich.stop()])

  const [six] = await Promise.all([connect(lab, gateway, 'six', 1), connect(lab, gateway, 'thousand')])
  assert.is(six.told('connect')?.['INTERNAL_IP4_ADDRESS'], undefined)
  assert.match(six.told('connect')?.['INTERNAL_IP6_NETMASK'] ?? '', /^fd67::2\//)
  assert.is(await reaches(lab.clients[1] as Host, LAN.ipv6), true)
  assert.equal([(await routes(lab.client, '-4')).length, (await routes(lab.client, '-6')).filter((route) => /^fd(?!66)/.test(route)).length], [500, 500])
  assert.is((await routes(lab.client, '-4', 'eth0')).filter((route) => route.startsWith('11.')).length, 500)
  assert.equal([await reaches(lab.client, LAN.ipv4), await reaches(lab.client, LAN.ipv6)], [true, true])

  // Pools change under both of them.
  const before = await gateway.sessions()
  const text = readFileSync(gateway.configFile, 'utf8')
  writeFileSync(gateway.configFile, `${text.replace('10.67.0.0/24', '10.67.0.0/20').replace('10.66.0.0/16', '10.66.0.0/20').replace('fd67::/64', 'fd67::/56')}\n[pool.late]\nipv4 = "10.69.0.0/24"\n`)
  await gateway.must(['reload'])
  const own = await lab.gateway.must(['ip', '-br', 'address'])
  for (const address of ['10.66.0.1/20', '10.67.0.1/20', '10.69.0.1/24', 'fd66::1/64', 'fd67::1/56']) assert.ok(own.includes(` ${address} `), `${address} in ${own}`)
  assert.not.ok(own.includes('10.66.0.1/16') || own.includes('fd67::1/64'), own)
  assert.equal((await gateway.sessions()).map(({ id, connectedAt }) => [id, connectedAt]), before.map(({ id, connectedAt }) => [id, connectedAt]))
  assert.equal([await reaches(lab.client, LAN.ipv4), await reaches(lab.clients[1] as Host, LAN.ipv6)], [true, true])
})

test('G09 iroute: a network behind a client is reached from the lan and reaches it, and belongs to one client; a user has an address of his own', async (lab) => {
  const gateway = await start(lab)
  const networks = async (user: string): Promise<unknown> => {
    const session = (await gateway.sessions()).find((one) => one.user === user)
    return (await gateway.ask<{ networks: unknown }>('session show', { id: session?.id ?? '' })).networks
  }
  const problem = async (): Promise<string | undefined> => ((await gateway.status())['health'] as { code: string; text: string }[]).find(({ code }) => code === 'CLIENT_NETWORKS')?.text
  for (const host of lab.clients) await host.batch('ip', `address add ${SITE.ipv4}/32 dev lo\naddress add ${SITE.ipv6}/128 dev lo\n`)
  try {
    assert.is(await reaches(lab.lan, SITE.ipv4), false)
    const first = await connect(lab, gateway, 'site')
    await gateway.must(['user', 'set', 'bob', 'ipv4-address=10.66.7.77'])
    assert.is((await gateway.command(['user', 'set', 'alice', 'ipv4-address=10.66.7.77'])).code === 0, false, 'it is bob\'s')
    const second = await connect(lab, gateway, 'site', 1)
    assert.is(second.told('connect')?.['INTERNAL_IP4_ADDRESS'], '10.66.7.77')
    assert.equal([await reaches(lab.lan, SITE.ipv4), await reaches(lab.lan, SITE.ipv6)], [true, true])
    assert.is((await lab.client.run(['ping', '-n', '-c', '2', '-i', '0.05', '-W', '2', '-I', SITE.ipv4, LAN.ipv4])).code, 0)
    assert.is((await lab.client.run(['ping', '-n', '-c', '2', '-i', '0.05', '-W', '2', '-I', SITE.ipv6, LAN.ipv6])).code, 0)
    assert.is((await lab.clients[1]?.run(['ping', '-n', '-c', '1', '-W', '1', '-I', SITE.ipv4, LAN.ipv4]))?.code, 1, 'not whose network it is')
    assert.equal([await networks('alice'), await networks('bob')], [['198.18.7.0/24', 'fd99:7::/48'], []])
    assert.match(await problem() ?? '', /198\.18\.7\.0\/24 is not routed to session \w+ of bob: it is that of session \w+ of alice/)
    await first.stop('SIGINT')
    await until('the other to have it', async () => ((await networks('bob')) as readonly string[]).length === 2)
    assert.equal([await reaches(lab.lan, SITE.ipv4), await problem()], [true, undefined])
    const [session] = await gateway.sessions()
    await gateway.must(['session', 'drop', session?.id ?? ''])
    assert.not.match(await lab.gateway.must(['ip', 'route']), /198\.18\.7\.0/)
    assert.not.match(await lab.gateway.must(['ip', '-6', 'route']), /fd99:7::/)
  } finally {
    for (const host of lab.clients) await host.batch('ip', `address del ${SITE.ipv4}/32 dev lo\naddress del ${SITE.ipv6}/128 dev lo\n`)
  }
})

test('cisco-script G16 domains for the client on a desktop and 1,000 networks for the one on a phone', async (lab) => {
  const gateway = await start(lab)
  const relay = await Relay.start(lab, lab.client)
  const tunnel = async (kind: CiscoClientKind, group: string) => {
    const client = new CiscoClient({ dial: async () => tlsWire(await relay.tls(CISCO_TLS)), host: GATEWAY.ipv4, kind: { ...kind, staleGroup: group }, user: 'alice', password: PASSWORD })
    const { answer, channel } = await client.connect(await client.login())
    channel.bye(0xb0, 'Disconnect requested by user')
    await until('the session to end', async () => (await gateway.sessions()).length === 0)
    return answer
  }
  const desktop = await tunnel(WINDOWS, 'rich')
  assert.match(headerOf(desktop, 'X-CSTP-Post-Auth-XML') ?? '', /<dynamic-split-include-domains><!\[CDATA\[corp\.example\]\]>.*<dynamic-split-exclude-domains><!\[CDATA\[teams\.example,zoom\.example\]\]>/)
  assert.is(headerOf(desktop, 'X-CSTP-Client-Bypass-Protocol'), 'true')
  assert.equal(headersOf(desktop, 'X-CSTP-NBNS'), ['10.88.0.5'])
  assert.is(headerOf(await tunnel(ANDROID, 'rich'), 'X-CSTP-Post-Auth-XML'), undefined)
  const phone = await tunnel(ANDROID, 'thousand')
  assert.equal([headersOf(phone, 'X-CSTP-Split-Include').length, headersOf(phone, 'X-CSTP-Split-Exclude-IP6').length], [500, 500])
})

test.run()
