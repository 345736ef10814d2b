// test: limit=300 alone
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping, serveTransfers, transfer } from '../lab/traffic.ts'

const CLIENTS = 10
const SIZE = 100_000_000
const test = labTests({ peers: ['openconnect'], clients: CLIENTS })
const PASSWORD = 'correct horse 9'
/** openconnect takes DTLS where it gets it. */
const CHANNELS = [{ name: 'TLS', args: ['--no-dtls'] }, { name: 'DTLS', args: [] }] as const

for (const { name, args } of CHANNELS) {
  test(`G10 ${name}: one client moves 100 MB each way over both families, byte for byte`, async (lab) => {
    await serveTransfers(lab)
    const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
    await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args })
    for (const address of [LAN.ipv4, LAN.ipv6]) {
      for (const way of ['up', 'down'] as const) assert.is((await transfer(lab.client, way, SIZE, { address })).bytes, SIZE)
    }
    const session = await gateway.session()
    assert.ok(session.rxBytes > 2 * SIZE, `rxBytes ${session.rxBytes} counts what the client sent`)
    assert.ok(session.txBytes > 2 * SIZE, `txBytes ${session.txBytes} counts what the client got`)
  })
}

test('G10 ten clients at once move 100 MB each way, byte for byte', async (lab) => {
  await serveTransfers(lab)
  const names = lab.clients.map((_, index) => `user${index}`)
  const gateway = await Gateway.start(lab, { users: Object.fromEntries(names.map((name) => [name, PASSWORD])) })
  const clients = await Promise.all(lab.clients.map((host, index) =>
    OpenConnect.connect(host, lab.folder, { pin: gateway.pin, user: names[index], answers: [PASSWORD], args: index % 2 === 0 ? ['--no-dtls'] : [] })))
  const sessions = await gateway.sessions()
  assert.is(sessions.length, CLIENTS)
  assert.is(new Set(sessions.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])).size, 2 * CLIENTS, 'no address twice')
  for (const way of ['up', 'down'] as const) {
    const moved = await Promise.all(lab.clients.map((host, index) =>
      transfer(host, way, SIZE, { address: index % 2 === 0 ? LAN.ipv4 : LAN.ipv6, limitMs: 120_000 })))
    assert.is(moved.length, CLIENTS)
  }
  await Promise.all(clients.map((client) => client.stop()))
})

for (const { name: channel, args } of CHANNELS) {
  test(`${channel}: packets of exactly the MTU pass both ways, larger ones are answered with too big or fragmented`, async (lab) => {
    const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { firewall: { masquerade: false } } })
    const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args })
    const told = await client.connected()
    const mtu = Number(told.INTERNAL_IP4_MTU)
    assert.ok(mtu >= 1280 && mtu < 1500, `tunnel MTU ${mtu}`)
    const session = await gateway.session()
    const families = [
      { name: 'IPv4', overhead: 28, lan: LAN.ipv4, own: session.ipv4 ?? '', tooBig: /Frag(mentation)? needed|[Mm]essage too long/ },
      { name: 'IPv6', overhead: 48, lan: LAN.ipv6, own: session.ipv6 ?? '', tooBig: /Packet too big|[Mm]essage too long/ },
    ]
    for (const { name, overhead, lan, own, tooBig } of families) {
      const exact = { size: mtu - overhead, dontFragment: true }
      assert.is((await ping(lab.client, lan, exact)).received, 3, `${name}: MTU-sized echo from the client`)
      assert.is((await ping(lab.lan, own, exact)).received, 3, `${name}: MTU-sized echo from the lan`)
      // What the lan learned before, it would answer itself.
      await lab.lan.must(['ip', 'route', 'flush', 'cache'])
      await lab.lan.must(['ip', '-6', 'route', 'flush', 'cache'])
      const above = await ping(lab.lan, own, { size: mtu - overhead + 1, dontFragment: true })
      assert.is(above.received, 0, `${name}: one byte above the MTU does not pass unfragmented`)
      assert.match(above.output, tooBig, `${name}: and the sender learns why:\n${above.output}`)
      assert.match(above.output, new RegExp(`mtu ?= ?${mtu}`), `${name}: with the MTU to use`)
      const large = await ping(lab.client, lan, { size: 4000 })
      assert.is(large.received, 3, `${name}: fragments pass both ways`)
    }
  })
}

test.run()
