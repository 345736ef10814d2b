import * as assert from 'uvu/assert'
import type { FilterRule } from '../../../core/dataplane.ts'
import { frame, FRAME, packet } from '../../../native/fake.ts'
import { pause, until } from '../../native/recorder.ts'
import { framesBehindHead, hello, inner, spec, type ContractKit } from './rig.ts'

/** From the client of `spec`: ports and nothing else behind the IP header. */
function transport(to: string, protocol: 'tcp' | 'udp' | 'icmp', port = 0): Buffer {
  const ipv6 = to.includes(':')
  const bytes = packet(ipv6 ? 'fd21:1::5' : '10.211.0.5', to, Buffer.from([0x9c, 0x40, port >> 8, port & 255, 0, 0, 0, 0]))
  bytes[ipv6 ? 6 : 9] = { tcp: 6, udp: 17, icmp: ipv6 ? 58 : 1 }[protocol]
  return bytes
}

/** Frames, sources, counters. */
export function tunnels({ withPlane, promoted, down }: ContractKit): void {
  withPlane('G10 DPD is echoed at full length', async (open) => {
    const { client } = await promoted(open)
    const padding = Buffer.alloc(1300, 0xa5)
    client.write(frame(FRAME.dpdRequest, padding))
    await until(() => framesBehindHead(client).length === 1, 'the answer')
    const [answer] = framesBehindHead(client)
    assert.is(answer?.type, FRAME.dpdResponse)
    assert.ok(answer?.payload.equals(padding))
    assert.is(open.plane.stats().dpdReceived, 1n)
  })

  withPlane('DISCONNECT delivers its payload', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.write(frame(FRAME.disconnect, Buffer.concat([Buffer.from([0xb0]), Buffer.from('User left')])))
    assert.is(await down(open.seen, tunnel), 'peer-disconnect')
    const detail = Buffer.from(open.seen.down.get(tunnel)?.[0]?.detail ?? [])
    assert.is(detail[0], 0xb0)
    assert.is(detail.subarray(1).toString(), 'User left')
  })

  withPlane('a closed socket without DISCONNECT is eof', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.end()
    assert.is(await down(open.seen, tunnel), 'eof')
  })

  const broken: readonly (readonly [string, Buffer])[] = [
    ['bad magic', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['reserved byte', Buffer.from([0x53, 0x54, 0x46, 1, 0, 0, 0, 1])],
    ['a length beyond a record', Buffer.from([0x53, 0x54, 0x46, 1, 0xff, 0xff, 0, 0])],
  ]
  for (const [what, bytes] of broken) {
    withPlane(`G10 ${what} ends that tunnel only`, async (open) => {
      const other = await promoted(open)
      const { client, tunnel } = await promoted(open)
      client.write(bytes)
      assert.is(await down(open.seen, tunnel), 'frame')
      assert.is(open.plane.stats().cstpFrameErrors, 1n)
      other.client.write(hello)
      await until(() => framesBehindHead(other.client).length === 1, 'the other tunnel')
    })
  }

  withPlane('G10 frames in any split and merge', async (open) => {
    const { client, tunnel } = await promoted(open)
    const all = Buffer.concat(Array.from({ length: 30 }, (_, i) => frame(FRAME.data, inner(`packet ${i}`))))
    for (let at = 0; at < all.length; at += 11) client.write(all.subarray(at, at + 11))
    client.write(all)
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 60n, 'the packets')
  })

  withPlane('G15 with compression agreed, packets may go as they are; what is compressed and damaged costs itself alone', async (open) => {
    const { client, tunnel } = await promoted(open, { ...spec, compression: { cstp: 'lzs', dtls: 'oc-lz4' } })
    client.write(frame(FRAME.compressed, Buffer.alloc(100, 0xff)))
    client.write(frame(FRAME.data, inner('as it is')))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the packet')
    assert.is(open.plane.stats().decompressFailures, 1n)
    assert.is(open.plane.stats().decompressed, 0n)
    client.write(hello)
    await until(() => framesBehindHead(client).some(({ type }) => type === FRAME.dpdResponse), 'the answer')
  })

  withPlane('a foreign inner source and a packet that is none are counted and dropped', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.write(frame(FRAME.data, packet('10.211.0.6', '10.211.0.1', 'x')))
    client.write(frame(FRAME.data, packet('fd21:1::6', 'fd21:1::1', 'x')))
    client.write(frame(FRAME.data, inner('x').subarray(0, 20)))
    client.write(frame(FRAME.data, Buffer.from([0x45])))
    client.write(frame(FRAME.data, packet('fd21:1::5', 'fd21:1::1', 'mine')))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the good packet')
    const counters = open.plane.tunnelCounters(tunnel)
    assert.is(counters?.rxSpoofed, 2n)
    assert.is(counters?.rxInvalid, 2n)
    assert.is(open.plane.stats().rxSpoofed, 2n)
  })

  withPlane('updateTunnel replaces the addresses', async (open) => {
    const { client, tunnel } = await promoted(open)
    open.plane.updateTunnel(tunnel, { ...spec, ipv4: '10.211.0.9' })
    await pause(50)
    client.write(frame(FRAME.data, inner('the old address')))
    client.write(frame(FRAME.data, packet('10.211.0.9', '10.211.0.1', 'the new one')))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the packet')
    assert.is(open.plane.tunnelCounters(tunnel)?.rxSpoofed, 1n)
  })

  withPlane('G17 a filter: the first rule that matches decides, in both families; updateTunnel changes it', async (open) => {
    const rules: readonly FilterRule[] = [
      { verdict: 'drop', protocol: 'tcp', ports: [80, 81] },
      { verdict: 'pass', to: ['192.0.2.0/24', '2001:db8::/64'] },
      { verdict: 'drop', to: ['192.0.0.0/8'], elsewhere: true },
      { verdict: 'pass', protocol: 'icmp' },
      { verdict: 'drop' },
    ]
    const { client, tunnel } = await promoted(open, { ...spec, filter: { rules } })
    const sent = async (...packets: readonly Buffer[]): Promise<bigint> => {
      const [before, received] = [open.plane.stats().filtered, open.plane.tunnelCounters(tunnel)?.rxPackets ?? 0n]
      for (const one of packets) client.write(frame(FRAME.data, one))
      await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === received + BigInt(packets.length), 'the packets')
      return open.plane.stats().filtered - before
    }
    assert.is(await sent(transport('192.0.2.9', 'tcp', 79), transport('192.0.2.9', 'udp', 80), transport('2001:db8::9', 'tcp', 82), transport('192.9.9.9', 'icmp')), 0n, 'they pass')
    assert.is(await sent(transport('192.0.2.9', 'tcp', 80), transport('2001:db8::9', 'tcp', 81), transport('198.51.100.9', 'icmp'), transport('2001:db9::9', 'icmp'), transport('192.9.9.9', 'udp', 53)), 5n, 'they do not')
    open.plane.updateTunnel(tunnel, { ...spec, filter: { rules: [], closedTo: ['10.211.0.0/24'] } })
    await pause(50)
    assert.is(await sent(transport('192.0.2.9', 'tcp', 80), transport('198.51.100.9', 'icmp')), 0n)
    const before = open.plane.stats().filtered
    open.toClient('10.211.0.5')
    await until(() => open.plane.stats().filtered > before, 'a packet to the client that is dropped')
    const came = (): boolean => framesBehindHead(client).some(({ payload }) => payload.subarray(-4).toString() === 'down')
    assert.not.ok(came())
    open.plane.updateTunnel(tunnel, spec)
    await pause(50)
    open.toClient('10.211.0.5')
    await until(came, 'one that comes')
  })

  withPlane('the counters of a tunnel come with its end', async (open) => {
    const { client, tunnel } = await promoted(open)
    client.write(frame(FRAME.data, inner('x')))
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 1n, 'the packet')
    client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))
    await down(open.seen, tunnel)
    assert.is(open.seen.down.get(tunnel)?.[0]?.counters.rxPackets, 1n)
  })
}
