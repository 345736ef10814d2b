// test: limit=180
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { TomlTable } from 'smol-toml'
import * as assert from 'uvu/assert'
import { prober, serve } from '../../plugins/firewall/testing-net.ts'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN, type Host, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect', 'nft'], clients: 3 })
const PASSWORD = 'correct horse 9'
const USERS = { alice: { password: PASSWORD, groups: ['staff'] }, bob: { password: PASSWORD, groups: ['contractors'] }, carol: { password: PASSWORD, groups: ['staff'] }, dave: { password: PASSWORD, groups: ['routed'] } }
const GATEWAY_LAN = '10.88.0.1'
const config = (over: TomlTable = {}): TomlTable => ({
  policy: { deny: ['udp 443'], ...over },
  group: {
    staff: { policy: { 'client-to-client': true } },
    contractors: { policy: { allow: [`tcp 443 ${LAN.ipv4}`, `icmp ${LAN.ipv6}`], dns: [LAN.ipv4] } },
    routed: { policy: { 'split-include': ['10.88.0.2/32'], 'restrict-to-routes': true } },
  },
})
const connect = (lab: Lab, gateway: Gateway, at: number, user: keyof typeof USERS, args: readonly string[] = []): Promise<OpenConnect> =>
  OpenConnect.connect(lab.clients[at] ?? lab.client, lab.folder, { pin: gateway.pin, user, answers: [PASSWORD], args: ['--authgroup', USERS[user].groups[0] ?? '', ...args] })
const addresses = async (gateway: Gateway, user: string): Promise<{ readonly ipv4: string; readonly ipv6: string }> => {
  const session = (await gateway.sessions()).find((one) => one.user === user)
  return { ipv4: session?.ipv4 ?? '', ipv6: session?.ipv6 ?? '' }
}

interface Listed {
  readonly rules: number
  /** Those of maps and sets, by name. */
  readonly elements: ReadonlyMap<string, readonly string[]>
}
async function listed(host: Host): Promise<Listed | undefined> {
  const { stdout } = await host.run(['nft', '-j', 'list', 'ruleset'])
  const { nftables } = JSON.parse(stdout) as { nftables: readonly { rule?: object; table?: { name: string }; map?: { name: string; elem?: readonly (readonly [string, object])[] }; set?: { name: string; elem?: readonly string[] } }[] }
  if (!nftables.some(({ table }) => table?.name.startsWith('postern_'))) return undefined
  return {
    rules: nftables.filter(({ rule }) => rule).length,
    elements: new Map(nftables.flatMap(({ map, set }) => [...(map ? [[map.name, (map.elem ?? []).map(([key]) => key)] as const] : []), ...(set ? [[set.name, set.elem ?? []] as const] : [])])),
  }
}
const holds = async (host: Host, set: string, address: string): Promise<boolean> => (await listed(host))?.elements.get(set)?.includes(address) ?? false

/** What alice, whose policy denies UDP 443, and bob, who may do two things, try; and what of it passes. */
const TRIED = [`tcp ${LAN.ipv4} 443`, `tcp ${LAN.ipv4} 80`, `tcp ${LAN.ipv6} 443`, `udp ${LAN.ipv4} 443`, `udp ${LAN.ipv6} 443`, `udp ${LAN.ipv4} 53`, `udp ${LAN.ipv6} 53`, `icmp ${LAN.ipv4}`, `icmp ${LAN.ipv6}`, `tcp ${GATEWAY_LAN} 443`]
const ALICE = TRIED.filter((probe) => !/^udp .* 443$/.test(probe))
const BOB = [`tcp ${LAN.ipv4} 443`, `udp ${LAN.ipv4} 53`, `icmp ${LAN.ipv6}`]
const probes = (host: Host): ((tried?: readonly string[]) => Promise<readonly string[]>) => {
  const probe = prober(host.namespace)
  return async (tried = TRIED) => {
    const answered = await probe(tried.map((one) => [one] as const))
    return tried.filter((_, at) => answered[at])
  }
}

test('G17 two users of two groups: elements, not rules; deny, allow, client to client; live changes; a foreign flush; restart and stop', async (lab) => {
  const gateway = await Gateway.start(lab, { users: USERS, config: config() })
  await serve(lab.lan.namespace, [LAN.ipv4, LAN.ipv6])
  const [first] = await Promise.all([connect(lab, gateway, 0, 'alice'), connect(lab, gateway, 1, 'bob', ['--no-dtls'])])
  const [alice, bob] = [await addresses(gateway, 'alice'), await addresses(gateway, 'bob')]
  await until('their elements', async () => (await holds(lab.gateway, 'clients4', alice.ipv4)) && holds(lab.gateway, 'clients6', bob.ipv6))
  const [byAlice, byBob] = [probes(lab.client), probes(lab.clients[1] ?? lab.client)]
  assert.equal(await Promise.all([byAlice(), byBob()]), [ALICE, BOB])

  const before = await listed(lab.gateway)
  await connect(lab, gateway, 2, 'carol')
  const carol = await addresses(gateway, 'carol')
  await until('her elements', () => holds(lab.gateway, 'peers4', carol.ipv4))
  const after = await listed(lab.gateway)
  assert.is(after?.rules, before?.rules, 'no rule more')
  assert.equal(after?.elements.get('clients4')?.length, 3)
  const peers = [alice, bob, carol].flatMap(({ ipv4, ipv6 }) => [`icmp ${ipv4}`, `icmp ${ipv6}`])
  assert.equal(await Promise.all([byAlice(peers), byBob([`icmp ${alice.ipv4}`, `icmp ${carol.ipv6}`])]), [[alice, carol].flatMap(({ ipv4, ipv6 }) => [`icmp ${ipv4}`, `icmp ${ipv6}`]), []], 'both must allow it')

  const pings = lab.client.run(['ping', '-n', '-i', '0.02', '-c', '100', LAN.ipv4])
  gateway.configure(config({ deny: ['tcp 443'] }))
  await gateway.must(['reload'])
  assert.match((await pings).stdout, '100 packets transmitted, 100 received', 'a change costs no packet')
  assert.equal(await Promise.all([byAlice(), byBob()]), [TRIED.filter((probe) => !/^tcp .* 443$/.test(probe)), BOB.filter((probe) => !probe.startsWith('tcp'))])

  await lab.gateway.batch('nft', 'flush ruleset\n')
  await until('the table', async () => (await holds(lab.gateway, 'clients4', alice.ipv4)) && holds(lab.gateway, 'clients6', bob.ipv6))
  assert.match(await gateway.must(['status', '--json']), 'firewall-flushed')

  await first.stop()
  await until('her element to go', async () => !(await holds(lab.gateway, 'clients4', alice.ipv4)))
  await gateway.stop()
  assert.is(await listed(lab.gateway), undefined, 'nothing is left')
  gateway.configure(config())
  await gateway.start()
  assert.ok(await holds(lab.gateway, 'clients4', bob.ipv4), 'sessions that live find their elements')
  assert.not.ok(await holds(lab.gateway, 'clients4', alice.ipv4))
})

test('G17 restrict-to-routes: what was not pushed does not pass; without nft the same rules hold', async (lab) => {
  const gateway = await Gateway.prepare(lab, { users: USERS, config: config() })
  const [empty, argv] = [mkdtempSync(join(lab.folder, 'empty-')), gateway.argv]
  Object.defineProperty(gateway, 'argv', { value: ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /usr/sbin && exec "$@"', empty, ...argv] })
  await gateway.start()
  assert.match(await gateway.must(['status', '--json']), 'own filter judges what clients send')
  // Nothing masquerades: the lan knows the way back.
  await serve(lab.lan.namespace, [LAN.ipv4, LAN.ipv6])
  await Promise.all([connect(lab, gateway, 0, 'alice'), connect(lab, gateway, 1, 'bob', ['--no-dtls']), connect(lab, gateway, 2, 'dave')])
  const [alice, bob] = [await addresses(gateway, 'alice'), await addresses(gateway, 'bob')]
  const [byAlice, byBob, byDave] = [probes(lab.client), probes(lab.clients[1] ?? lab.client), probes(lab.clients[2] ?? lab.client)]
  // Dave's client takes routes beside those it was given.
  for (const route of [['-6', 'fd88::/64'], ['-4', '10.88.0.0/24']]) await (lab.clients[2] ?? lab.client).must(['ip', route[0] ?? '', 'route', 'replace', route[1] ?? '', 'dev', 'tun0'])
  assert.equal(await Promise.all([byAlice(), byBob(), byDave()]), [ALICE, BOB, ALICE.filter((probe) => probe.includes(LAN.ipv4))])
  assert.equal(await Promise.all([byAlice([`icmp ${bob.ipv4}`, `icmp ${bob.ipv6}`]), byDave([`icmp ${alice.ipv4}`])]), [[], []])
  gateway.configure(config({ deny: ['tcp 443'] }))
  await gateway.must(['reload'])
  assert.equal(await Promise.all([byAlice(), byBob()]), [TRIED.filter((probe) => !/^tcp .* 443$/.test(probe)), BOB.filter((probe) => !probe.startsWith('tcp'))])
})

test.run()
