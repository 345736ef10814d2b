import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet, type FakeClient, type FakeDtls } from '../../native/fake.ts'
import type { DtlsOffer, TunnelHandle } from '../dataplane.ts'
import { sessionDetailJson, sessionJson } from './session-json.ts'
import type { Session, Sessions } from './session.ts'
import { login, rigs, type SessionRig } from './testing.ts'

const rig = rigs(test)
const ID = Buffer.alloc(32, 7)
const NOTHING = { rxBytes: 0, txBytes: 0, rxPackets: 0, txPackets: 0 }
const PSK: DtlsOffer = { mode: 'psk', id: ID, ciphers: ['PSK-AES256-GCM-SHA384', 'PSK-CHACHA20-POLY1305'], helloVerify: true }

async function dtls(one: SessionRig, client: FakeClient, ciphers?: readonly string[]): Promise<FakeDtls> {
  const channel = one.plane.connectDtls({ id: ID, key: client, ...(ciphers && { ciphers }) })
  if (!channel) throw new Error('no handshake')
  channel.write(FRAME.dpdRequest)
  await one.plane.settled()
  return channel
}

test('G13 D01 the DTLS channel comes, goes and comes again while the tunnel stands', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session, PSK)
  assert.is(session.state, 'tls')
  assert.is(session.dtls, undefined)
  const channel = await dtls(one, client)
  assert.is(session.state, 'dtls')
  assert.equal(session.dtls, { version: 'DTLSv1.2', cipher: 'PSK-AES256-GCM-SHA384', since: one.clock.now() })
  assert.is(session.idleSince, undefined)
  channel.end()
  await one.plane.settled()
  assert.is(session.state, 'tls')
  assert.is(session.dtls, undefined)
  await dtls(one, client, ['PSK-CHACHA20-POLY1305'])
  assert.is(session.dtls?.cipher, 'PSK-CHACHA20-POLY1305')
  one.plane.failDtls(1 as TunnelHandle, 'unreachable')
  await one.plane.settled()
  assert.equal(one.told, ['created bob', 'up bob', 'dtls up bob PSK-AES256-GCM-SHA384', 'dtls down bob closed', 'dtls up bob PSK-CHACHA20-POLY1305', 'dtls down bob unreachable'])
  const lines = one.log.lines.filter(({ message }) => message.startsWith('dtls')).map(({ message, fields }) => [message, fields])
  assert.equal(lines.slice(0, 2), [
    ['dtls up', { session: session.id, user: 'bob', version: 'DTLSv1.2', cipher: 'PSK-AES256-GCM-SHA384' }],
    ['dtls down', { session: session.id, user: 'bob', reason: 'closed', why: 'the client closed it' }],
  ])
})

test('D01 list and detail show the channel', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session, PSK)
  one.clock.advance(5000)
  await dtls(one, client)
  const brief = sessionJson(session, one.table)
  assert.is(brief.state, 'dtls')
  assert.equal(brief.dtls, { version: 'DTLSv1.2', cipher: 'PSK-AES256-GCM-SHA384' })
  const { levels } = sessionDetailJson(session, one.table)
  assert.equal(levels.slice(1), [
    { level: 'SSL-Tunnel', state: 'up', protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', since: brief.connectedAt, ...NOTHING },
    { level: 'DTLS-Tunnel', state: 'up', protocol: 'DTLSv1.2', cipher: 'PSK-AES256-GCM-SHA384', since: new Date(one.clock.now()).toISOString(), ...NOTHING },
  ])
})

test('a newer handshake of the tunnel replaces the channel', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session, PSK)
  const first = await dtls(one, client)
  await dtls(one, client, ['PSK-CHACHA20-POLY1305'])
  assert.ok(first.closed)
  assert.is(session.dtls?.cipher, 'PSK-CHACHA20-POLY1305')
  assert.equal(one.told.slice(2), ['dtls up bob PSK-AES256-GCM-SHA384', 'dtls down bob replaced', 'dtls up bob PSK-CHACHA20-POLY1305'])
})

test('the channel ends with its tunnel, whoever ends it, and the tunnel\'s end alone is told', async () => {
  const ends: readonly (readonly [why: string, state: string, end: (one: SessionRig, client: FakeClient, id: string) => unknown])[] = [
    ['eof', 'waiting', (_, client) => client.end()],
    ['user', 'gone', (_, client) => client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))],
    ['dpd', 'waiting', ({ plane }) => plane.failTunnel(1 as TunnelHandle, 'dpd')],
    ['admin', 'gone', ({ table }, _, id) => table.end(id, 'admin')],
  ]
  for (const [why, state, end] of ends) {
    const one = rig()
    const session = one.table.create(login())
    const client = await one.connect(session, PSK)
    const channel = await dtls(one, client)
    end(one, client, session.id)
    await one.plane.settled()
    assert.is(one.table.get(session.id)?.state ?? 'gone', state, why)
    assert.is(session.dtls, undefined)
    assert.ok(channel.closed)
    assert.is(one.told[3], `down bob ${why}`)
    assert.not.ok(one.told.some((line) => line.startsWith('dtls down')))
    assert.is(one.plane.stats().dtlsOpen, 0n)
  }
})

test('D07 a new CONNECT begins over TLS; what the old channel still reports changes nothing', async () => {
  const one = rig()
  const session = one.table.create(login())
  const first = await one.connect(session, PSK)
  const old = await dtls(one, first)
  const second = await one.connect(session, PSK)
  assert.is(session.state, 'tls')
  old.write(FRAME.keepalive)
  one.table.reports.dtlsDown(1 as TunnelHandle, 'dpd')
  one.table.reports.dtlsUp(1 as TunnelHandle, 'stale')
  await one.plane.settled()
  assert.is(session.state, 'tls')
  await dtls(one, second)
  assert.is(session.state, 'dtls')
})

test('traffic over the channel counts for the session', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session, PSK)
  const channel = await dtls(one, client)
  channel.write(FRAME.data, packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80)))
  client.write(frame(FRAME.data, packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80))))
  assert.is(one.table.counters(session).rxBytes, 200n)
})

test('D01 each level tells what it carried, over all tunnels and a restart', async () => {
  const one = rig()
  const session = one.table.create(login())
  const up = packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80))
  const down = packet('10.20.0.1', '10.20.0.2', 'y'.repeat(30))
  for (let round = 1; round <= 2; round++) {
    const client = await one.connect(session, PSK)
    client.write(frame(FRAME.data, up))
    one.plane.injectTun(down)
    const channel = await dtls(one, client)
    for (let i = 0; i < 3; i++) channel.write(FRAME.data, up)
    one.plane.injectTun(down)
    client.end()
    await one.plane.settled()
  }
  const traffic = (of: Sessions, id: string): unknown[] => sessionDetailJson(of.get(id) as Session, of).levels.map(({ level, rxBytes, txBytes, rxPackets, txPackets }) => [level, rxBytes, txBytes, rxPackets, txPackets])
  const expected = [['Parent-Tunnel', 800, 200, 8, 4], ['SSL-Tunnel', 200, 100, 2, 2], ['DTLS-Tunnel', 600, 100, 6, 2]]
  assert.equal(traffic(one.table, session.id), expected)
  one.table.stop()
  one.kill()
  const again = rig({ directory: one.directory, clock: one.clock })
  assert.equal(traffic(again.table, session.id), expected)
})

test('the coming and going of the channel writes no row', async () => {
  const one = rig()
  const client = await one.connect(one.table.create(login()), PSK)
  one.clock.advance(61_000)
  const changes = (): unknown => one.opened.store.read((db) => db.prepare('SELECT total_changes()').pluck().get())
  const before = changes()
  const channel = await dtls(one, client)
  channel.end()
  await one.plane.settled()
  one.clock.advance(61_000)
  assert.is(changes(), before)
})

test('a master secret is wiped once the data plane has it', async () => {
  const one = rig()
  const masterSecret = Buffer.alloc(48, 0xab)
  const session = one.table.create(login())
  await one.connect(session, { mode: 'resumed', id: ID, masterSecret, ciphers: ['ECDHE-RSA-AES256-GCM-SHA384'], helloVerify: false })
  assert.equal(masterSecret, Buffer.alloc(48))
  assert.is(one.plane.connectDtls({ id: ID, key: masterSecret }), undefined)
  assert.ok(one.plane.connectDtls({ id: ID, key: Buffer.alloc(48, 0xab) }))
})

test.run()
