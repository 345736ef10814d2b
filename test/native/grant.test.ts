// test: limit=60
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from '../../core/testing.ts'
import { DEFAULT_LIMITS } from '../../core/dataplane.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { pause, Recorder, until } from './recorder.ts'
import { TlsClient } from './tls_client.ts'

insideOwnNamespace(import.meta.url)

/** A grant that nothing but the front's sweep would notice costs 100 ms: so many would take ten times as long as allowed. */
const CHUNKS = 300
const LIMIT_MS = 3000

test('a grant is obeyed at once when bytes already wait, whether it comes early or late', async () => {
  const plane = createDataPlane(process.argv[2])
  const seen = new Recorder()
  const { listeners } = plane.open({
    listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptg%d', addresses: ['10.219.0.1/24'], routes: [], mtu: 1400, workers: 1, limits: DEFAULT_LIMITS,
    lockDirectory: testDirectory(),
  }, [context([], await certificate('vpn.example.com'))], seen)
  try {
    const client = await TlsClient.connect(listeners[0]?.port ?? 0)
    await until(() => seen.connections.size === 1, 'a connection that says nothing is announced')
    const { handle } = seen.last().info
    let waited = 0
    seen.onData = (_handle, seq) => {
      // Every third grant comes when the next bytes have surely met a front that may not read.
      if (seq % 3 === 0) {
        void pause(2).then(() => plane.grant(handle, seq))
        waited += 2
        return false
      }
      return true
    }
    seen.grant = (of, seq) => plane.grant(of, seq)
    const from = performance.now()
    client.write(Buffer.alloc(CHUNKS * 16_384, 'x'))
    await until(() => seen.bytes(handle).length === CHUNKS * 16_384, 'all the bytes', 40_000)
    assert.ok(seen.last().lastSeq >= CHUNKS)
    assert.ok(performance.now() - from - waited < LIMIT_MS, `${Math.round(performance.now() - from)} ms for ${seen.last().lastSeq} chunks`)
    client.destroy()
  } finally {
    plane.stop()
  }
})

test.run()
