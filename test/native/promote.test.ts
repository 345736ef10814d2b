// test: limit=120
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { testDirectory } from '../../core/testing.ts'
import type { ConnectionHandle, TunnelHandle } from '../../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../../core/dataplane.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { random } from './random.ts'
import { Recorder, until } from './recorder.ts'

insideOwnNamespace(import.meta.url)

const CONNECTIONS = 320
const FRAMES = 20
const HEAD_END = '\r\n\r\n'
const contexts = [context([], await certificate('vpn.example.com'))]
const lockDirectory = testDirectory()
const busy = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;);
}

/** What a Duplex under node's parser does at its worst: the permission for the next chunk may leave before a chunk is parsed. */
class Greedy {
  private parts: Buffer[] = []
  seen = 0
  promoting = false
  take(seq: number, bytes: Buffer): void {
    this.parts.push(bytes)
    this.seen = seq
  }
  bytes(): Buffer {
    return Buffer.concat(this.parts)
  }
}

test('promote loses no frame: random gaps, a busy event loop, promotion at once or later', async () => {
  const seed = Date.now() & 0xffff
  const next = random(seed)
  const plane = createDataPlane(process.argv[2])
  const seen = new Recorder()
  const streams = new Map<ConnectionHandle, Greedy>()
  const { listeners } = plane.open({
    listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptp%d', addresses: ['10.216.255.1/16'], routes: [], mtu: 1400, workers: 0, lockDirectory, limits: { ...DEFAULT_LIMITS, connectionsPerAddress: 200 },
  }, contexts, seen)
  let replays = 0
  const promote = (handle: ConnectionHandle, stream: Greedy): void => {
    busy(4 * next() * Number(next() > 0.5))
    const bytes = stream.bytes()
    const end = bytes.indexOf(HEAD_END) + HEAD_END.length
    const index = Number(/tunnel\/(\d+)/.exec(bytes.subarray(0, end).toString())?.[1])
    streams.delete(handle)
    replays += stream.seen > 1 ? 1 : 0
    plane.promote({
      connection: handle, tunnel: index as TunnelHandle, spec: { ipv4: `10.216.${index >> 8}.${index & 255}`, mtu: 1300, dpdSec: 0, dpdRetries: 3, keepaliveSec: 0 },
      head: Buffer.from('HTTP/1.1 200 CONNECTED\r\n\r\n'), early: bytes.subarray(end), seen: stream.seen,
    })
  }
  seen.onConnection = ({ handle }) => void streams.set(handle, new Greedy())
  seen.onData = (handle, seq, bytes) => {
    const stream = streams.get(handle)
    if (stream === undefined) return false // late data of a dead handle: the data plane has replayed it
    stream.take(seq, bytes)
    const grantsFirst = next() > 0.3
    if (grantsFirst) plane.grant(handle, seq)
    if (stream.promoting || stream.bytes().indexOf(HEAD_END) < 0) {
      if (!grantsFirst) plane.grant(handle, seq)
      return false
    }
    stream.promoting = true
    const when = next()
    if (when < 0.34) promote(handle, stream)
    else if (when < 0.67) setImmediate(() => promote(handle, stream))
    else setTimeout(() => promote(handle, stream), 4 * next())
    return false
  }
  try {
    const client = new URL('promote_client.ts', import.meta.url).pathname
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', client, ...[listeners[0]?.port, CONNECTIONS, FRAMES, 16, seed].map(String)])
    assert.equal(JSON.parse(stdout), { finished: CONNECTIONS, headFirst: CONNECTIONS }, `seed ${seed}`)
    await until(() => seen.down.size === CONNECTIONS, 'every tunnelDown')
    let lost = 0
    for (const [tunnel, downs] of seen.down) {
      assert.is(downs.length, 1)
      assert.is(downs[0]?.reason, 'peer-disconnect', `tunnel ${tunnel}, seed ${seed}`)
      lost += FRAMES - Number(downs[0]?.counters.rxPackets)
    }
    assert.is(lost, 0, `frames lost, seed ${seed}`)
    assert.is(seen.up.length, CONNECTIONS)
    assert.ok(replays > 0, 'some promotions carried more than one chunk, or the test proves little')
  } finally {
    plane.stop()
  }
})

test.run()
