import * as assert from 'uvu/assert'
import type { DtlsOffer, TunnelHandle, TunnelSpec } from '../../../core/dataplane.ts'
import { frame, FRAME, packet } from '../../../native/fake.ts'
import { pause, until } from '../../native/recorder.ts'
import { framesBehindHead, inner, spec, type ContractClient, type ContractDtls, type ContractKit, type Open } from './rig.ts'

const PSK = ['PSK-AES256-GCM-SHA384', 'PSK-CHACHA20-POLY1305']
const SECRET = Buffer.alloc(48, 0x5a)
let offers = 0
const newId = (): Buffer => Buffer.alloc(32, ++offers)
const psk = (more: Partial<DtlsOffer> = {}): DtlsOffer => ({ mode: 'psk', id: newId(), ciphers: PSK, helloVerify: true, ...more })
const resumed = (): DtlsOffer => ({ mode: 'resumed', id: newId(), masterSecret: Buffer.from(SECRET), ciphers: ['ECDHE-RSA-AES256-GCM-SHA384'], helloVerify: false })

interface Both {
  readonly client: ContractClient
  readonly tunnel: TunnelHandle
  readonly dtls: ContractDtls
}

/** The DTLS channel beside the TLS channel. */
export function datagrams({ withPlane, promoted, down }: ContractKit): void {
  const offering = (open: Open, dtls: DtlsOffer, more: Partial<TunnelSpec> = {}) => promoted(open, { ...spec, ...more, dtls })
  const told = ({ seen }: Open, tunnel: TunnelHandle): string => seen.dtls.filter(([of]) => of === tunnel).map(([, what, text]) => `${what} ${text}`).join(', ')
  /** A tunnel whose client speaks over DTLS. */
  const both = async (open: Open, offer = psk()): Promise<Both> => {
    const { client, tunnel } = await offering(open, offer)
    return { client, tunnel, dtls: await speaking(open, tunnel, client, offer) }
  }
  const speaking = async (open: Open, tunnel: TunnelHandle, client: ContractClient, offer: DtlsOffer, ciphers = offer.ciphers): Promise<ContractDtls> => {
    const dtls = await open.connectDtls({ id: offer.id, key: offer.mode === 'psk' ? client : SECRET, ciphers })
    if (!dtls) throw new Error('the handshake was not answered')
    const ups = open.seen.dtls.length
    dtls.write(FRAME.keepalive)
    await until(() => open.seen.dtls.slice(ups).some(([of, what]) => of === tunnel && what === 'up'), 'dtlsUp')
    return dtls
  }
  const data = (frames: readonly { readonly type: number; readonly payload: Buffer }[]): number => frames.filter(({ type }) => type === FRAME.data).length
  const arrives = async (open: Open, { client, dtls }: Both, where: 'dtls' | 'tls'): Promise<void> => {
    const before = { dtls: data(dtls.records()), tls: data(framesBehindHead(client)) }
    open.toClient(spec.ipv4 ?? '')
    await until(() => data(dtls.records()) + data(framesBehindHead(client)) > before.dtls + before.tls, 'the packet')
    assert.equal([data(dtls.records()) - before.dtls, data(framesBehindHead(client)) - before.tls], where === 'dtls' ? [1, 0] : [0, 1], `data goes over ${where}`)
  }

  withPlane('G11 a channel by pre-shared key: cookie first, told with its suite, packets both ways', async (open) => {
    const { client, tunnel } = await offering(open, psk({ id: Buffer.alloc(32, 0xee) }))
    assert.equal(open.seen.dtls, [])
    const dtls = await open.connectDtls({ id: Buffer.alloc(32, 0xee), key: client, ciphers: PSK })
    dtls?.write(FRAME.data, inner('over DTLS'))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the packet')
    await until(() => told(open, tunnel) === 'up PSK-AES256-GCM-SHA384', 'dtlsUp')
    assert.ok(dtls?.helloVerified ?? true)
    assert.is(open.plane.stats().dtlsOpen, 1n)
    if (dtls) await arrives(open, { client, tunnel, dtls }, 'dtls')
    assert.is(open.plane.tunnelCounters(tunnel)?.txPackets, 1n)
  })

  withPlane('G12 a channel by the client\'s master secret, without a cookie', async (open) => {
    const offer = resumed()
    const one = await both(open, offer)
    assert.is(told(open, one.tunnel), 'up ECDHE-RSA-AES256-GCM-SHA384')
    assert.not.ok(one.dtls.helloVerified)
    one.dtls.write(FRAME.data, inner('over DTLS'))
    await until(() => open.plane.tunnelCounters(one.tunnel)?.rxPackets === 1n, 'the packet')
    await arrives(open, one, 'dtls')
  })

  withPlane('G14 the gateway\'s order decides, and a client\'s only suite is taken', async (open) => {
    const offer = psk()
    const { client, tunnel } = await offering(open, offer)
    await speaking(open, tunnel, client, offer, ['PSK-CHACHA20-POLY1305', 'PSK-AES256-GCM-SHA384'])
    assert.is(told(open, tunnel), 'up PSK-AES256-GCM-SHA384')
    await speaking(open, tunnel, client, offer, ['PSK-CHACHA20-POLY1305'])
    assert.is(told(open, tunnel), 'up PSK-AES256-GCM-SHA384, down replaced, up PSK-CHACHA20-POLY1305')
    assert.is(open.plane.stats().dtlsOpen, 1n)
  })

  withPlane('G13 data goes where the client spoke last; probes and keepalives on CSTP do not count', async (open) => {
    const one = await both(open)
    await arrives(open, one, 'dtls')
    one.client.write(Buffer.concat([frame(FRAME.dpdRequest, 'a probe'), frame(FRAME.keepalive)]))
    await until(() => framesBehindHead(one.client).some(({ type }) => type === FRAME.dpdResponse), 'the answer on CSTP')
    await arrives(open, one, 'dtls')
    one.client.write(frame(FRAME.data, inner('over TLS')))
    await until(() => open.plane.tunnelCounters(one.tunnel)?.rxPackets === 1n, 'the packet')
    await arrives(open, one, 'tls')
    one.dtls.write(FRAME.keepalive)
    await pause(50)
    await arrives(open, one, 'dtls')
    assert.is(told(open, one.tunnel), 'up PSK-AES256-GCM-SHA384')
  })

  withPlane('G13 close_notify: back to TLS, and up again by a new handshake', async (open) => {
    const offer = psk()
    const one = await both(open, offer)
    one.dtls.end()
    await until(() => told(open, one.tunnel).endsWith('down closed'), 'dtlsDown')
    await arrives(open, one, 'tls')
    assert.is(open.plane.stats().dtlsOpen, 0n)
    const again = await speaking(open, one.tunnel, one.client, offer)
    await arrives(open, { ...one, dtls: again }, 'dtls')
    assert.is(open.seen.down.size, 0)
  })

  withPlane('G11 DPD on the channel is echoed at full length, there and not on CSTP', async (open) => {
    const { client, dtls } = await both(open)
    const probe = Buffer.alloc(1299, 0xa5)
    dtls.write(FRAME.dpdRequest, probe)
    await until(() => dtls.records().length > 0, 'the answer')
    assert.equal(dtls.records().map(({ type }) => type), [FRAME.dpdResponse])
    assert.ok(dtls.records()[0]?.payload.equals(probe))
    assert.equal(framesBehindHead(client), [])
  })

  withPlane('a foreign inner source over DTLS is counted and dropped, an unknown type is ignored', async (open) => {
    const { dtls, tunnel } = await both(open)
    dtls.write(FRAME.data, packet('10.211.0.6', '10.211.0.1', 'x'))
    dtls.write(FRAME.disconnect, Buffer.from([0xb0]))
    dtls.write(FRAME.data, inner('mine'))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the good packet')
    assert.is(open.plane.tunnelCounters(tunnel)?.rxSpoofed, 1n)
    assert.is(open.plane.stats().unknownFrames, 1n)
    assert.is(open.seen.down.size, 0, 'DISCONNECT is for CSTP alone')
  })

  withPlane('an update that leaves the secrets out keeps them, and the channel', async (open) => {
    const offer = resumed()
    const one = await both(open, offer)
    const { mode, id, ciphers, helloVerify } = offer
    open.plane.updateTunnel(one.tunnel, { ...spec, mtu: 1290, dtls: { mode, id, ciphers, helloVerify } })
    await pause(100)
    assert.is(told(open, one.tunnel), 'up ECDHE-RSA-AES256-GCM-SHA384')
    await arrives(open, one, 'dtls')
    await speaking(open, one.tunnel, one.client, offer)
    assert.is(told(open, one.tunnel).split(', ').at(-1), 'up ECDHE-RSA-AES256-GCM-SHA384')
  })

  withPlane('an offer withdrawn by updateTunnel ends the channel, and no handshake is answered any more', async (open) => {
    const offer = psk()
    const one = await both(open, offer)
    open.plane.updateTunnel(one.tunnel, { ...spec, dtls: { ...offer } })
    open.plane.updateTunnel(one.tunnel, { ...spec, mtu: 1290, dtls: { ...offer } })
    await pause(50)
    await arrives(open, one, 'dtls')
    open.plane.updateTunnel(one.tunnel, spec)
    await until(() => told(open, one.tunnel).endsWith('down withdrawn'), 'dtlsDown')
    await arrives(open, one, 'tls')
    assert.is(await open.connectDtls({ id: offer.id, key: one.client, ciphers: PSK }), undefined)
    const later = psk()
    open.plane.updateTunnel(one.tunnel, { ...spec, dtls: later })
    await pause(50)
    await speaking(open, one.tunnel, one.client, later)
  })

  const ends: readonly (readonly [what: string, reason: string, end: (open: Open, one: Both) => void])[] = [
    ['the client closes its socket', 'eof', (_, { client }) => client.end()],
    ['the client says DISCONNECT', 'peer-disconnect', (_, { client }) => client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))],
    ['the gateway drops the tunnel', 'dropped', ({ plane }, { tunnel }) => plane.drop(tunnel, 'disconnect', 'bye')],
  ]
  for (const [what, reason, end] of ends) {
    withPlane(`${what}: the channel goes with the tunnel, tunnelDown alone is told`, async (open) => {
      const offer = psk()
      const one = await both(open, offer)
      end(open, one)
      assert.is(await down(open.seen, one.tunnel), reason)
      assert.is(told(open, one.tunnel), 'up PSK-AES256-GCM-SHA384')
      assert.is(open.plane.stats().dtlsOpen, 0n)
      one.dtls.write(FRAME.data, inner('too late'))
      await pause(50)
      assert.is(open.plane.stats().tunTxPackets, 0n)
      assert.is(await open.connectDtls({ id: offer.id, key: one.client, ciphers: PSK }), undefined)
    })
  }

  withPlane('a wrong id, key or suite opens nothing and harms nobody', async (open) => {
    const offer = psk()
    const one = await both(open, offer)
    const master = resumed()
    const other = await offering(open, master, { ipv4: '10.211.0.6', ipv6: 'fd21:1::6' })
    const tries = [
      { id: newId(), key: one.client, ciphers: PSK },
      { id: offer.id, key: other.client, ciphers: PSK },
      { id: offer.id, key: one.client, ciphers: ['PSK-AES128-GCM-SHA256'] },
      { id: offer.id, key: SECRET, ciphers: ['ECDHE-RSA-AES256-GCM-SHA384'] },
      { id: master.id, key: other.client, ciphers: PSK },
      { id: master.id, key: Buffer.alloc(48, 0x5b), ciphers: ['ECDHE-RSA-AES256-GCM-SHA384'] },
      { id: master.id, key: SECRET, ciphers: ['AES128-GCM-SHA256'] },
    ]
    for (const [at, hello] of tries.entries()) assert.is(await open.connectDtls(hello), undefined, `try ${at}`)
    assert.equal(open.seen.dtls.map(([tunnel]) => tunnel), [one.tunnel])
    await arrives(open, one, 'dtls')
  })

  withPlane('D07 the newest tunnel of an id gets its handshakes; the older one\'s end takes nothing from it', async (open) => {
    const offer = psk()
    const old = await offering(open, offer)
    const fresh = await offering(open, { ...offer }, { ipv4: '10.211.0.6', ipv6: 'fd21:1::6' })
    open.plane.drop(old.tunnel, 'close', '')
    await down(open.seen, old.tunnel)
    await speaking(open, fresh.tunnel, fresh.client, offer)
    assert.equal(open.seen.dtls.map(([tunnel]) => tunnel), [fresh.tunnel])
  })

  withPlane('D08 either key of an offer with a former one opens the channel, and dtlsUp says which; the key is told for the id', async (open) => {
    const first = psk()
    const { client: kept } = await offering(open, first)
    const formerSecret = open.plane.dtlsSecret(first.id)
    assert.is(formerSecret?.length, 32)
    assert.is(open.plane.dtlsSecret(newId()), undefined)
    if (!formerSecret) return
    for (const formerFirst of [false, true]) {
      const offer = psk({ formerSecret, formerFirst })
      const { client, tunnel } = await offering(open, offer, { ipv4: '10.211.0.6', ipv6: 'fd21:1::6' })
      await speaking(open, tunnel, kept, offer)
      await speaking(open, tunnel, client, offer)
      assert.equal(open.seen.order.filter((event) => event.startsWith(`dtls up ${tunnel}`)), [`dtls up ${tunnel} former`, `dtls up ${tunnel}`])
      open.plane.drop(tunnel, 'close', '')
      await down(open.seen, tunnel)
    }
  })
}
