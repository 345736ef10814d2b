// test: limit=90
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from '../../core/testing.ts'
import { DEFAULT_LIMITS } from '../../core/dataplane.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { Recorder, until } from './recorder.ts'
import { TlsClient } from './tls_client.ts'

insideOwnNamespace(import.meta.url)

// Both clocks run at once: the test takes the longer one.
test('G27 a peer that leaves an answer unread is closed after 30 s, one that ignores our end after 5 s', async () => {
  const plane = createDataPlane(process.argv[2])
  const seen = new Recorder()
  const { listeners } = plane.open({
    listen: [{ address: '127.0.0.1', port: 0 }], device: 'pts%d', addresses: ['10.219.0.1/24'], routes: [], mtu: 1400, workers: 1, limits: DEFAULT_LIMITS,
    lockDirectory: testDirectory(),
  }, [context([], await certificate('vpn.example.com'))], seen)
  try {
    const open = async (): Promise<{ client: TlsClient; connection: ReturnType<Recorder['last']> }> => {
      const before = seen.connections.size
      const client = await TlsClient.connect(listeners[0]?.port ?? 0)
      await until(() => seen.connections.size > before, 'the connection')
      return { client, connection: seen.last() }
    }
    const stalled = await open()
    stalled.client.pause()
    plane.write(stalled.connection.info.handle, Buffer.alloc(16 * 1024 * 1024), true)
    const lingering = await open() // half-open: never answers our FIN with its own
    const started = performance.now()
    plane.end(lingering.connection.info.handle)
    await until(() => lingering.connection.closed === 'closed', 'the lingering one', 8000)
    assert.ok(performance.now() - started > 4500, 'not before its time')
    assert.is(stalled.connection.closed, 'no')
    await until(() => stalled.connection.closed === 'failed', 'the stalled one', 40_000)
    assert.ok(performance.now() - started > 25_000, 'not before its time')
    assert.is(plane.stats().slowReaders, 1n)
    stalled.client.destroy()
    lingering.client.destroy()
  } finally {
    plane.stop()
  }
})

test.run()
