// test: limit=60
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PoolConfig } from '../../core/api.ts'
import { TestClock } from '../../core/testing.ts'
import { RETRY_MS } from './listeners.ts'
import { RCODE } from './query.ts'
import { IDLE_MS, MAX_UNREAD } from './tcp-connection.ts'
import { framed, Framer } from './tcp-framer.ts'
import { MAX_CONNECTIONS_OF_CLIENT } from './tcp-listener.ts'
import { A, answerTo, query, rcodeOf, rig, TestServer } from './testing.ts'

/** 127.0.0.1 is its first address: the gateway of these tests stands on the loopback. */
const POOL = '127.0.0.0/8'
const SAYS = { answers: [A('192.0.2.1')] }

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((done) => socket.close(() => done()))
  return port
}
async function gateway(body: (parts: ReturnType<typeof rig> & { readonly port: number; readonly at: ReturnType<ReturnType<typeof rig>['listeners']>; readonly clock: TestClock }) => Promise<void>, options: { readonly strangers?: boolean } = {}): Promise<void> {
  const server = await TestServer.start((asked) => answerTo(asked, SAYS))
  const clock = new TestClock()
  const made = rig({ upstream: [server.text] }, { clock, pools: [POOL], ...options })
  const port = await freePort()
  const at = made.listeners(port)
  await at.deviceUp()
  try {
    await body({ ...made, clock, port, at })
  } finally {
    made.stop()
    await at.deviceDown()
    await server.stop()
  }
}
async function dial(port: number): Promise<{ readonly socket: Socket; readonly answers: Buffer[]; readonly closed: Promise<unknown>; next(count: number): Promise<void> }> {
  const socket = connect({ port, host: '127.0.0.1' })
  const framer = new Framer(0xffff)
  const answers: Buffer[] = []
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => answers.push(...(framer.push(chunk) ?? [])))
  const closed = new Promise((done) => socket.once('close', done))
  await Promise.race([closed, new Promise((done) => socket.once('connect', done))])
  return { socket, answers, closed, next: async (count) => { while (answers.length < count && !socket.destroyed) await setImmediate() } }
}

test('G17 answers over UDP and TCP on the first address of a pool, while the device stands', async () => {
  await gateway(async ({ port, at, health, count }) => {
    assert.equal(at.addresses, ['127.0.0.1'])
    const socket = createSocket('udp4')
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.send(query('a.example', { id: 77 }))
    const [answer] = (await once(socket, 'message')) as [Buffer]
    assert.equal([answer.readUInt16BE(0), rcodeOf(answer)], [77, 0])
    const client = await dial(port)
    client.socket.write(framed(query('b.example')))
    await client.next(1)
    assert.is(count.tcp, 1)
    await at.deviceDown()
    await client.closed
    assert.equal([at.addresses, health.list()], [[], []])
    socket.send(query('a.example'))
    await once(socket, 'error')
    socket.close()
  })
})

test('a port in use is one entry, and taken when it is free', async () => {
  const clock = new TestClock()
  const { listeners, health } = rig({}, { clock, pools: [POOL] })
  const other = createSocket('udp4')
  other.bind(0, '127.0.0.1')
  await once(other, 'listening')
  const at = listeners(other.address().port)
  const { port } = other.address()
  await at.deviceUp()
  assert.equal(health.list().map(({ severity, text }) => [severity, text]), [['error', `no DNS resolver on port ${port}: 127.0.0.1 is in use by another program`]])
  await new Promise<void>((done) => other.close(() => done()))
  clock.advance(RETRY_MS)
  await at.follow()
  assert.equal([at.addresses, health.list(), clock.pending], [['127.0.0.1'], [], 0])
  await at.deviceDown()
})

test('a pool that comes or goes is followed with the next tunnel', async () => {
  const made = rig({}, { clock: new TestClock(), pools: [POOL] })
  const at = made.listeners(await freePort())
  await at.deviceUp()
  const pools = made.config.pools as Map<string, PoolConfig>
  pools.set('more', { name: 'more', ipv6: '::/127', quarantineSec: 0 })
  at.notice()
  await at.follow()
  assert.equal(at.addresses, ['127.0.0.1', '::1'])
  pools.delete('p0')
  at.notice()
  await at.follow()
  assert.equal(at.addresses, ['::1'])
  await at.deviceDown()
})

test('an address that is not there is named', async () => {
  const { listeners, health } = rig({}, { clock: new TestClock(), pools: ['192.0.2.0/24'] })
  const at = listeners(await freePort())
  await at.deviceUp()
  assert.match(health.list()[0]?.text ?? '', /192\.0\.2\.1 is not on the device$/)
  await at.deviceDown()
  assert.equal(health.list(), [])
})

test('G17 many questions on one connection, in pieces and at once, are all answered; the end of the client waits for them', async () => {
  await gateway(async ({ port }) => {
    const client = await dial(port)
    const stream = Buffer.concat(Array.from({ length: 100 }, (_, id) => framed(query(`h${id % 7}.example`, { id }))))
    client.socket.write(stream.subarray(0, 5))
    client.socket.write(stream.subarray(5))
    client.socket.end()
    await client.closed
    assert.equal(client.answers.map((answer) => answer.readUInt16BE(0)).sort((a, b) => a - b), Array.from({ length: 100 }, (_, id) => id))
  })
})

test('G17 a connection that asks nothing, or half a question for ever, ends', async () => {
  await gateway(async ({ port, clock }) => {
    const [idle, dripping] = [await dial(port), await dial(port)]
    const half = framed(query('a.example'))
    for (let at = 0; at < 10; at++) {
      dripping.socket.write(half.subarray(at, at + 1))
      await setImmediate()
      clock.advance(IDLE_MS / 10)
    }
    await Promise.all([idle.closed, dripping.closed])
  })
})

test('G17 a client that does not read its answers is cut, and what waits for it is bounded', async () => {
  await gateway(async ({ port, clock, resolver, count }) => {
    // As large as answers get, from the cache.
    const big = answerTo(query('big.example'), { answers: Array.from({ length: 3500 }, () => A('192.0.2.1')) })
    let calls = 0
    resolver.answer = async () => (calls++, big)
    const client = await dial(port)
    client.socket.pause()
    const asked = 2000
    client.socket.write(Buffer.concat(Array.from({ length: asked }, () => framed(query('big.example')))))
    for (let turn = 0; turn < 300; turn++) await setImmediate()
    // What the kernel takes on both sides, and MAX_UNREAD with what was under way.
    assert.ok(calls * big.length < 20_000_000 + MAX_UNREAD, `${calls} answers were made`)
    clock.advance(IDLE_MS)
    client.socket.resume()
    await client.closed
    assert.ok(client.answers.length < asked, `${client.answers.length}`)
    assert.is(count.connectionsRefused, 0)
  })
})

test('connections of one session are bounded, strangers have none', async () => {
  await gateway(async ({ port, count }) => {
    const clients = []
    for (let at = 0; at < MAX_CONNECTIONS_OF_CLIENT; at++) clients.push(await dial(port))
    clients[0]?.socket.write(framed(query('a.example')))
    await clients[0]?.next(1)
    await (await dial(port)).closed
    assert.is(count.connectionsRefused, 1)
    clients[0]?.socket.destroy()
    while (!(await stays(port))) await setImmediate()
  })
  await gateway(async ({ port, count }) => {
    await (await dial(port)).closed
    assert.is(count.strangers, 1)
  }, { strangers: true })
})
/** Whether a new connection gets an answer. */
async function stays(port: number): Promise<boolean> {
  const client = await dial(port)
  client.socket.write(framed(query('a.example')))
  await client.next(1)
  return client.answers.length > 0
}

test('what is no query: too long ends the connection, an answer gets none', async () => {
  await gateway(async ({ port, count }) => {
    const long = await dial(port)
    long.socket.write(Buffer.from([0x20, 0]))
    await long.closed
    const odd = await dial(port)
    odd.socket.write(framed(query('a.example', { flags: 0x8000 })))
    odd.socket.write(framed(Buffer.concat([query('a.example', { id: 5 }), Buffer.alloc(1)])))
    await odd.next(1)
    assert.equal([odd.answers[0]?.readUInt16BE(0), rcodeOf(odd.answers[0] ?? Buffer.alloc(12))], [5, RCODE.FORMERR])
    assert.is(count.malformed, 2)
  })
})

test.run()
