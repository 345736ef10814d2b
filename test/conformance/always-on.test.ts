// test: limit=180
// Profiles and what they demand, by real openconnect and the scripted Cisco clients, on one gateway.
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { CiscoClient } from '../cisco-script/cisco-client.ts'
import { WINDOWS, IOS } from '../cisco-script/clients.ts'
import { CISCO_TLS, tlsWire } from '../cisco-script/wire.ts'
import { makeCertificate } from '../lab/certificate.ts'
import { run } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { startConnectProxy } from '../lab/proxies.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'
const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex').toUpperCase()

test('G18 G19 openconnect and Cisco clients get the profile of their group, keep it, and read why they are refused', async (lab) => {
  const groups = ['everybody', 'staff', 'strict', 'cisco', 'direct', 'pinned']
  const [own, spare] = await Promise.all([makeCertificate(lab.folder), makeCertificate(lab.folder, { file: 'spare' })])
  const configuration = (failure: 'open' | 'closed') => ({
    group: Object.fromEntries(groups.map((name) => [name, {}])),
    'always-on-policy': {
      'known-proxies': [`${GATEWAY.ipv4}/32`],
      profile: {
        office: {
          groups: ['staff'], pins: [own.certificate], refuse: ['missing-pin'], 'always-on': true, 'connect-failure': failure, 'trusted-networks': { domains: ['corp.example'] },
          servers: [{ name: 'Head office', address: GATEWAY.ipv4, group: 'staff' }],
        },
        strict: { groups: ['strict'], refuse: ['other-names'], servers: [{ name: 'Head office', address: 'vpn.example.com' }] },
        cisco: { groups: ['cisco'], refuse: ['other-clients', 'proxies'] },
        direct: { groups: ['direct'], refuse: ['proxies'] },
        pinned: { groups: ['pinned'], pins: [spare.certificate], refuse: ['missing-pin'] },
      },
    },
  })
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups } },
    certificates: [own],
    config: configuration('open'),
  })
  const file = join(lab.folder, 'profile.xml')
  writeFileSync(file, '<AnyConnectProfile/>\n')
  const connect = (group: string, ...args: string[]): OpenConnect =>
    OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, server: `${GATEWAY.ipv4}/${group}`, user: 'alice', answers: [PASSWORD], args: ['-vv', ...args] })

  const first = connect('staff', '--xmlconfig', file)
  await first.connected()
  const profile = readFileSync(file)
  assert.match(profile.toString(), '<HostName>Head office</HostName>')
  assert.match(profile.toString(), '<ConnectFailurePolicy>Open</ConnectFailurePolicy>')
  // The key that the gateway has, and the way in for who trusts its certificate; nobody else gets as far as a request.
  assert.match(profile.toString(), createHash('sha512').update(new X509Certificate(readFileSync(own.certificate)).publicKey.export({ type: 'spki', format: 'der' })).digest('base64'))
  await first.stop()
  const trusting = (...args: string[]) => run(['openconnect', '--protocol=anyconnect', '--user', 'alice', '--passwd-on-stdin', '--non-inter', '--authenticate', ...args, `https://${GATEWAY.ipv4}/staff`], { namespace: lab.client.namespace, input: `${PASSWORD}\n` })
  assert.is((await trusting('--cafile', own.certificate)).code, 0)
  const untrusting = await trusting()
  assert.is.not(untrusting.code, 0)
  assert.match(untrusting.stderr, /Server certificate verify failed: signer not found/)
  const second = connect('staff', '--xmlconfig', file)
  await second.connected()
  assert.match(second.output, /Not downloading XML profile because SHA1 already matches/)
  assert.ok(readFileSync(file).equals(profile))
  await second.stop()

  // By the name of the profile's server: openconnect takes address and group from it.
  const named = await run(['openconnect', '--protocol=anyconnect', '--xmlconfig', file, '--servercert', gateway.pin, '--user', 'alice', '--passwd-on-stdin', '--authenticate', 'Head office'], { namespace: lab.client.namespace, input: `${PASSWORD}\n` })
  assert.is(named.code, 0, named.stderr)
  assert.match(named.stdout, new RegExp(`HOST='?${GATEWAY.ipv4}`))

  // Old clients without the aggregate documents find it in their cookie.
  const plain = join(lab.folder, 'plain.xml')
  writeFileSync(plain, '<AnyConnectProfile/>\n')
  const old = connect('staff', '--no-xmlpost', '--xmlconfig', plain)
  await old.connected()
  assert.ok(readFileSync(plain).equals(profile), old.output)
  await old.stop()

  const proxy = await startConnectProxy(lab, lab.gateway, GATEWAY.ipv4, 3128)
  const behind = ['-P', `http://${GATEWAY.ipv4}:3128`]
  for (const [group, text, ...args] of [
    ['strict', 'Connections to this secure gateway are not permitted.'], ['cisco', 'This group needs a client that keeps its VPN profile'],
    ['direct', 'Connecting via a proxy is not supported with Always On.', ...behind],
    ['pinned', 'The VPN connection attempt was aborted due to server certificate pin verification failure.'],
  ] as const) {
    const refused = connect(group, ...args)
    const end = await refused.ended()
    assert.is.not(end.code, 0)
    assert.ok(refused.output.includes(text), refused.output)
  }
  assert.match(proxy.stdout, `CONNECT ${GATEWAY.ipv4}:443`)
  for (const [group, ...args] of [['direct'], ['everybody', ...behind]] as const) assert.is((await connect(group, '--authenticate', ...args).ended()).code, 0, 'not through a proxy, or not in a group that minds')
  const audit = await gateway.must(['audit', '--json'])
  assert.match(audit, 'proxies: the client is behind a known proxy, group direct')
  assert.match(audit, 'missing-pin: no certificate of the gateway has a pin of profile pinned, group pinned')
  assert.match(audit, `other-names: dialled as ${GATEWAY.ipv4}, which profile strict does not list, group strict`)
  assert.match(audit, 'other-clients: the client keeps no profile, group cisco')

  const relay = await Relay.start(lab, lab.client)
  for (const kind of [WINDOWS, IOS]) {
    const profiles = new Map<string, string>()
    const client = (group: string): CiscoClient =>
      new CiscoClient({ dial: async () => tlsWire(await relay.tls({ ...CISCO_TLS, maxVersion: 'TLSv1.3' })), host: GATEWAY.ipv4, kind, user: 'alice', password: PASSWORD, pingTarget: '10.66.0.1', group, profiles })
    const fetching = client('staff')
    await fetching.run()
    assert.equal(fetching.fetched, ['/CACHE/stc/profiles/office.xml'])
    assert.is(sha1(Buffer.from(profiles.get('office.xml') ?? '')), sha1(profile))
    const again = client('staff')
    await again.run()
    assert.equal(again.fetched, [])
    await client('cisco').run()
  }

  // A reload takes the section over; the next login tells.
  gateway.configure(configuration('closed'))
  await gateway.must(['reload'])
  const profiles = new Map([['office.xml', profile.toString()]])
  const told = new CiscoClient({ dial: async () => tlsWire(await relay.tls({ ...CISCO_TLS, maxVersion: 'TLSv1.3' })), host: GATEWAY.ipv4, kind: WINDOWS, user: 'alice', password: PASSWORD, group: 'staff', profiles })
  await told.synchronizeProfile(await told.login())
  told.close()
  assert.match(profiles.get('office.xml') ?? '', '<ConnectFailurePolicy>Closed</ConnectFailurePolicy>')
  const check = await gateway.command(['check'])
  assert.match(check.stdout + check.stderr, 'profile office: no server of it is this gateway (vpn.example.com): always-on clients will not dial it')
  await gateway.stop()
})

test.run()
