// test: limit=90
import { createSocket } from 'node:dgram'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from '../../core/testing.ts'
import type { TunnelHandle } from '../../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../../core/dataplane.ts'
import { frame, FRAME } from '../../native/fake.ts'
import { takeFrames } from '../../native/fake_frames.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { pause, Recorder, until } from './recorder.ts'
import { TlsClient } from './tls_client.ts'

insideOwnNamespace(import.meta.url)

const HEAD = 'HTTP/1.1 200 CONNECTED\r\n\r\n'
const KEEPALIVE_SEC = 3

test('D06 a keepalive goes out after silence only, is empty, and one of the client gets no answer', async () => {
  const plane = createDataPlane(process.argv[2])
  const seen = new Recorder()
  const host = createSocket('udp4')
  const { listeners } = plane.open({
    listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptk%d', addresses: ['10.218.0.1/24'], routes: [], mtu: 1400, workers: 1, limits: DEFAULT_LIMITS,
    lockDirectory: testDirectory(),
  }, [context([], await certificate('vpn.example.com'))], seen)
  try {
    const client = await TlsClient.connect(listeners[0]?.port ?? 0)
    client.write('CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\n\r\n')
    await until(() => seen.connections.size === 1 && seen.last().lastSeq === 1, 'the request')
    const tunnel = 1 as TunnelHandle
    plane.promote({
      connection: seen.last().info.handle, tunnel, head: Buffer.from(HEAD), early: Buffer.alloc(0), seen: 1,
      spec: { ipv4: '10.218.0.5', mtu: 1300, dpdSec: 0, dpdRetries: 3, keepaliveSec: KEEPALIVE_SEC },
    })
    await until(() => seen.up.includes(tunnel), 'tunnelUp')
    const types = (): number[] => takeFrames(client.received().subarray(HEAD.length)).frames.map(({ type }) => type)

    const busyUntil = performance.now() + (2 * KEEPALIVE_SEC + 1) * 1000
    let packets = 0
    for (; performance.now() < busyUntil; packets++) {
      host.send(`packet ${packets}`, 4000, '10.218.0.5')
      await pause(200)
    }
    await until(() => types().length === packets, 'the packets')
    assert.ok(types().every((type) => type === FRAME.data), 'no keepalive while data went')
    assert.is(plane.stats().keepalivesSent, 0n)

    const silentFrom = performance.now()
    await until(() => types().length === packets + 1, 'a keepalive')
    assert.ok(performance.now() - silentFrom > (KEEPALIVE_SEC - 1.5) * 1000, 'not at once')
    const last = takeFrames(client.received().subarray(HEAD.length)).frames.at(-1)
    assert.is(last?.type, FRAME.keepalive)
    assert.is(last?.payload.length, 0)
    assert.is(plane.stats().keepalivesSent, 1n)

    client.write(frame(FRAME.keepalive))
    await until(() => plane.stats().cstpRxFrames === 1n, 'the keepalive of the client')
    await until(() => types().length === packets + 2, 'the next keepalive')
    assert.is(types().at(-1), FRAME.keepalive)
    assert.is(plane.stats().keepalivesSent, 2n, 'both are by the clock, none is an answer')
    assert.is(plane.stats().unknownFrames, 0n)
    client.destroy()
  } finally {
    host.close()
    plane.stop()
  }
})

test.run()
