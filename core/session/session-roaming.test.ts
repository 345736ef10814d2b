import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FRAME, type FakeClient } from '../../native/fake.ts'
import type { DtlsOffer, TunnelHandle } from '../dataplane.ts'
import { login, rigs } from './testing.ts'

const rig = rigs(test)
const ID = Buffer.alloc(32, 7)
const PSK: DtlsOffer = { mode: 'psk', id: ID, ciphers: ['PSK-AES256-GCM-SHA384'], helloVerify: true }

test('D08 the session shows where its DTLS went, in one line of the log', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session, PSK)
  const from = session.peer
  one.table.reports.roamed(1 as TunnelHandle, { address: '2001:db8::9', port: 4711 })
  assert.is(session.peer, '[2001:db8::9]:4711')
  assert.equal(one.log.lines.filter(({ message }) => message === 'session roamed').at(-1)?.fields, { session: session.id, user: 'bob', from, to: '[2001:db8::9]:4711' })
})

test('D08 a tunnel that another has taken the place of moves nothing', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session, PSK)
  await one.startTunnel(session, PSK)
  const { peer } = session
  one.table.reports.roamed(1 as TunnelHandle, { address: '2001:db8::9', port: 4711 })
  assert.is(session.peer, peer)
})

test('D08 the key of the first tunnel is offered to the later ones, and first once the client has used it', async () => {
  const one = rig()
  const session = one.table.create(login())
  const first = await one.connect(session, PSK)
  const dtls = async (key: FakeClient): Promise<void> => {
    const channel = one.plane.connectDtls({ id: ID, key })
    assert.ok(channel, 'a handshake')
    channel?.write(FRAME.dpdRequest)
    await one.plane.settled()
  }
  const spec = (tunnel: number) => one.plane.tunnelSpec(tunnel as TunnelHandle)?.dtls
  assert.is(spec(1)?.formerSecret, undefined)
  const secret = Buffer.from(one.plane.dtlsSecret(ID) ?? [])
  await dtls(first)
  await one.connect(session, PSK)
  assert.equal(Buffer.from(spec(2)?.formerSecret ?? []), secret)
  assert.is(spec(2)?.formerFirst, false)
  await dtls(first)
  assert.is(session.state, 'dtls')
  const third = await one.connect(session, PSK)
  assert.equal(Buffer.from(spec(3)?.formerSecret ?? []), secret)
  assert.is(spec(3)?.formerFirst, true)
  await dtls(third)
  await one.connect(session, PSK)
  assert.is(spec(4)?.formerFirst, false)
  assert.equal(Buffer.from(spec(4)?.formerSecret ?? []), secret)
})

test('D08 no other session is offered the key, nor is one in resumed mode', async () => {
  const one = rig()
  const session = one.table.create(login())
  await one.connect(session, PSK)
  await one.connect(session, { mode: 'resumed', id: ID, masterSecret: Buffer.alloc(48, 1), ciphers: ['ECDHE-RSA-AES256-GCM-SHA384'], helloVerify: false })
  assert.is(one.plane.tunnelSpec(2 as TunnelHandle)?.dtls?.formerSecret, undefined)
  const other = one.table.create(login('eve'))
  await one.connect(other, { ...PSK, id: Buffer.alloc(32, 8) })
  await one.connect(other, { ...PSK, id: Buffer.alloc(32, 8) })
  const former = one.plane.tunnelSpec(4 as TunnelHandle)?.dtls?.formerSecret
  assert.ok(former)
  one.table.end(session.id, 'admin')
  assert.is(one.table.get(session.id), undefined)
  assert.equal(one.plane.tunnelSpec(4 as TunnelHandle)?.dtls?.formerSecret, former)
})

test.run()
