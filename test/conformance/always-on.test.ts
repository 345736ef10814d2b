// test: limit=180
// Profiles and what they demand, by real openconnect and the scripted Cisco clients, on one gateway.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { CiscoClient } from '../cisco-script/cisco-client.ts'
import { WINDOWS, IOS } from '../cisco-script/clients.ts'
import { CISCO_TLS, tlsWire } from '../cisco-script/wire.ts'
import { run } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'
const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex').toUpperCase()

test('G18 G19 openconnect and Cisco clients get the profile of their group, keep it, and read why they are refused', async (lab) => {
  const groups = ['everybody', 'staff', 'strict', 'cisco']
  const configuration = (failure: 'open' | 'closed') => ({
    group: Object.fromEntries(groups.map((name) => [name, {}])),
    'always-on-policy': {
      profile: {
        office: {
          groups: ['staff'], 'always-on': true, 'connect-failure': failure, 'trusted-networks': { domains: ['corp.example'] },
          servers: [{ name: 'Head office', address: GATEWAY.ipv4, group: 'staff' }],
        },
        strict: { groups: ['strict'], refuse: ['other-names'], servers: [{ name: 'Head office', address: 'vpn.example.com' }] },
        cisco: { groups: ['cisco'], refuse: ['other-clients', 'proxies'] },
      },
    },
  })
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups } },
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
  await first.stop()
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

  for (const [group, text] of [['strict', 'Connections to this secure gateway are not permitted.'], ['cisco', 'This group needs a client that keeps its VPN profile']] as const) {
    const refused = connect(group)
    const end = await refused.ended()
    assert.is.not(end.code, 0)
    assert.ok(refused.output.includes(text), refused.output)
  }
  const audit = await gateway.must(['audit', '--json'])
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
