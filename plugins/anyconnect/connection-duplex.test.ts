import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConnectionHandle, ConnectionInfo } from '../../core/api.ts'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { ConnectionDuplex, OUTSTANDING_BYTES } from './connection-duplex.ts'
import { connectText, login, portFixture } from './testing.ts'

const info: ConnectionInfo = {
  handle: 7 as ConnectionHandle, peer: { address: '192.0.2.1', port: 5000 }, local: { address: '192.0.2.254', port: 443 }, tlsVersion: 'TLSv1.3', cipher: 'x', peerCertificates: [], verifyResult: 0,
}
function listed() {
  const calls: string[] = []
  const duplex = new ConnectionDuplex(
    {
      grant: (_handle, seq) => void calls.push(`grant ${seq}`),
      write: (_handle, bytes, notify) => void calls.push(`write ${bytes.length}${notify ? ' notify' : ''}`),
      end: () => void calls.push('end'),
      destroy: () => void calls.push('destroy'),
    },
    info,
  )
  return { calls, duplex }
}
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

test('a chunk is granted when it has been read, and not before', async () => {
  const { calls, duplex } = listed()
  duplex.receive(1, Buffer.alloc(16_384))
  await turn()
  assert.equal(calls, [], 'a full buffer that nobody reads')
  duplex.on('data', () => undefined)
  await turn()
  assert.equal(calls, ['grant 1'])
  duplex.destroy()
})
test('the bytes are copied: the border wipes its own', async () => {
  const { duplex } = listed()
  const bytes = Buffer.from('secret')
  duplex.receive(1, bytes)
  bytes.fill(0)
  assert.is((duplex.read() as Buffer).toString(), 'secret')
  duplex.destroy()
})
test('held, nothing more is granted, and what comes nevertheless is kept with its number', async () => {
  const { calls, duplex } = listed()
  duplex.hold()
  duplex.receive(1, Buffer.from('one '))
  duplex.receive(2, Buffer.from('two'))
  await turn()
  const { early, seen } = duplex.takeUnread(Buffer.from('head '))
  assert.is(Buffer.from(early).toString(), 'head one two')
  assert.is(seen, 2)
  duplex.detach()
  await turn()
  assert.equal(calls, [], 'the data plane is told nothing')
})
test('a write waits above 64 KiB until the data plane has sent', async () => {
  const { calls, duplex } = listed()
  let done = 0
  const chunk = Buffer.alloc(OUTSTANDING_BYTES / 2)
  for (let index = 0; index < 4; index++) duplex.write(chunk, () => done++)
  await turn()
  assert.equal(calls, ['write 32768', 'write 32768', 'write 32768 notify'])
  assert.is(done, 2)
  duplex.receiveFlushed()
  await turn()
  assert.is(done, 4)
  duplex.destroy()
})
test('head and body that http corks are one write', async () => {
  const { calls, duplex } = listed()
  duplex.cork()
  duplex.write('head', 'latin1')
  duplex.write(Buffer.from('body'))
  duplex.uncork()
  await turn()
  assert.equal(calls, ['write 8'])
  duplex.destroy()
})
test('ending tells the data plane once, destroying behind it nothing', async () => {
  const { calls, duplex } = listed()
  duplex.end('bye')
  duplex.destroySoon()
  await turn()
  assert.ok(duplex.destroyed)
  assert.equal(calls, ['write 3', 'end'])
})
test('unread bytes survive the end of the connection', async () => {
  const { duplex } = listed()
  duplex.receive(1, Buffer.from('last words'))
  duplex.receiveClosed()
  assert.not.ok(duplex.destroyed)
  let text = ''
  duplex.on('data', (bytes: Buffer) => { text += bytes.toString() })
  await turn()
  await turn()
  assert.is(text, 'last words')
  assert.ok(duplex.destroyed)
})
test('a write that waits is let go when the connection ends', async () => {
  const { duplex } = listed()
  let done = false
  duplex.write(Buffer.alloc(OUTSTANDING_BYTES + 1), () => { done = true })
  duplex.receiveClosed()
  await turn()
  assert.ok(done)
})
test('setTimeout emits timeout after silence, bytes put it off, 0 stops it', async () => {
  const { duplex } = listed()
  let fired = 0
  const alive = setInterval(() => undefined, 1000)
  duplex.setTimeout(40, () => fired++)
  for (let index = 0; index < 4; index++) {
    await new Promise((done) => setTimeout(done, 20))
    duplex.receive(index + 1, Buffer.from('x'))
  }
  assert.is(fired, 0)
  while (fired === 0) await new Promise((done) => setTimeout(done, 5))
  duplex.setTimeout(20, () => fired++)
  duplex.setTimeout(0)
  await new Promise((done) => setTimeout(done, 60))
  assert.is(fired, 1)
  clearInterval(alive)
  duplex.destroy()
})
test('frames at any moment around a CONNECT all arrive, in order', async () => {
  const fixture = portFixture()
  for (let run = 0; run < 60; run++) {
    const cookie = await login(fixture.connect())
    const address = `10.20.0.${fixture.sessions.list().length + 4}`
    const client = fixture.connect()
    const wait = async (turns: number): Promise<void> => {
      for (let index = 0; index < turns; index++) await turn()
    }
    fixture.plane.tun.length = 0
    client.wire.write(connectText(cookie))
    for (let index = 0; index < 20; index++) {
      await wait((run * 7 + index * 3) % 5)
      client.wire.write(frame(FRAME.data, packet(address, '10.20.0.1', String(index))))
    }
    await fixture.plane.settled()
    assert.equal(fixture.plane.tun.map((bytes) => bytes.subarray(20).toString()), Array.from({ length: 20 }, (_, index) => String(index)), `run ${run}`)
  }
  fixture.stop()
})

test.run()
