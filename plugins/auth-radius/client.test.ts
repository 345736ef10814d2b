import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock, type Clock } from '../../core/api.ts'
import { ListedHealth, TestLog } from '../../core/testing.ts'
import { attribute, valueOf } from './attributes.ts'
import { MAX_UNDER_WAY, RadiusClient, type ClientConfig, type RadiusReply, type RadiusRequest } from './client.ts'
import { Counters } from './counters.ts'
import { CODE, proveRandomRequest, type Packet } from './packet.ts'
import { answerTo, ScriptedServer, SECRET, serverConfig } from './testing.ts'

const login = (user = 'alice'): RadiusRequest => ({ purpose: 'authentication', code: CODE.accessRequest, attributes: () => [attribute('User-Name', user)] })
const accept = (request: Packet, name: string, signed = true): Buffer => answerTo(request, { code: CODE.accessAccept, attributes: [attribute('Reply-Message', name)], signed })
const whoOf = (reply: RadiusReply | undefined): string | undefined => reply && valueOf(reply.attributes, 'Reply-Message')

/** Four seconds of the client are one. */
const clock: Clock = { now: () => systemClock.now(), monotonic: () => 4 * systemClock.monotonic(), after: (ms, fn) => systemClock.after(ms / 4, fn) }

interface Place {
  readonly client: RadiusClient
  readonly counters: Counters
  readonly health: ListedHealth
  readonly log: TestLog
}
/** Client and servers end with `body`. */
async function withClient(servers: readonly ScriptedServer[], config: Partial<ClientConfig>, body: (place: Place) => Promise<void>): Promise<void> {
  const [counters, health, log] = [new Counters(), new ListedHealth(), new TestLog()]
  const client = new RadiusClient({ server: servers.map((one) => one.config()), balance: 'failover', timeout: 4, ...config }, { clock, counters, health, log })
  try {
    await body({ client, counters, health, log })
  } finally {
    client.close()
    await Promise.all(servers.map((one) => one.close().catch(() => undefined)))
  }
}
const event = async (done: () => boolean): Promise<void> => {
  for (let tries = 0; !done() && tries < 500; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(done())
}

test('G23 datagrams that are no answer are ignored, whatever they are, and the one that is counts', async () => {
  const server = await ScriptedServer.listen((request) => {
    const good = accept(request, 'good')
    const bomb = Buffer.alloc(4096)
    bomb.set([2, request.id, 16, 0])
    for (let at = 20; at < 4096; at += 2) bomb.set([1, 2], at)
    const flipped = Buffer.from(good)
    flipped.writeUInt8(good.readUInt8(10) ^ 1, 10)
    return [
      Buffer.alloc(0), good.subarray(0, 19), good.subarray(0, good.length - 1), Buffer.alloc(9000, 2), bomb, flipped,
      answerTo(request, { code: CODE.accessAccept, attributes: [] }, 'another secret'),
      answerTo({ ...request, authenticator: randomBytes(16) }, { code: CODE.accessAccept, attributes: [] }),
      answerTo({ ...request, id: (request.id + 1) & 255 }, { code: CODE.accessAccept, attributes: [] }),
      answerTo(request, { code: CODE.accountingResponse, attributes: [] }), request.bytes, good, good,
    ]
  })
  await withClient([server], {}, async ({ client, counters }) => {
    assert.is(whoOf(await client.exchange(login())), 'good')
    await event(() => counters.values.ignored === 12)
    const [request] = server.requests
    assert.is(request && proveRandomRequest(request, Buffer.from(SECRET)), 'signed')
    assert.is(request?.attributes[0]?.type, 80)
  })
})
test('an answer from another port is not seen', async () => {
  const other = createSocket('udp4')
  const server = await ScriptedServer.listen(() => [])
  server.socket.on('message', (_, peer) => other.send(accept(server.requests.at(-1) as Packet, 'spoofed'), peer.port, peer.address))
  await withClient([server], {}, async ({ client, counters }) => {
    assert.is(await client.exchange(login()), undefined)
    assert.is(counters.values.answers + counters.values.ignored, 0)
  })
  other.close()
})
test('an answer of an earlier request is none to the next', async () => {
  let first: Buffer | undefined
  const server = await ScriptedServer.listen((request) => {
    first ??= accept(request, 'first')
    const replayed = Buffer.from(first)
    replayed.writeUInt8(request.id, 1)
    return request.id === first.readUInt8(1) ? [first, accept(request, 'own')] : [first, replayed, accept(request, 'own')]
  })
  await withClient([server], {}, async ({ client }) => {
    assert.is(whoOf(await client.exchange(login())), 'first')
    for (let round = 0; round < 5; round++) assert.is(whoOf(await client.exchange(login())), 'own')
  })
})
test('Message-Authenticator: demanded, not demanded, demanded once it was seen', async () => {
  const modes = { yes: ['-', 'b', '-'], auto: ['a', 'b', '-'], no: ['a', 'b', 'c'] } as const
  await Promise.all(Object.entries(modes).map(async ([mode, expected]) => {
    const server = await ScriptedServer.listen((request) => {
      const name = valueOf([...request.attributes.map((one) => ({ vendor: 0, ...one }))], 'User-Name') ?? ''
      return request.code === CODE.accessRequest ? [accept(request, name, name === 'b')] : [answerTo(request, { code: CODE.accessAccept, attributes: [] })]
    })
    await withClient([server], { server: [server.config({ requireMessageAuthenticator: mode as 'yes' })] }, async ({ client, log }) => {
      const got: string[] = []
      for (const name of ['a', 'b', 'c']) got.push(whoOf(await client.exchange(login(name))) ?? '-')
      assert.equal(got, expected, mode)
      assert.is(log.lines.length, mode === 'no' ? 0 : 1)
    })
  }))
})
test('G23 a lost request is sent again as it was', async () => {
  const server = await ScriptedServer.listen((request, times) => (times < 2 ? [] : [accept(request, 'second')]))
  await withClient([server], { timeout: 12 }, async ({ client, counters }) => {
    assert.is(whoOf(await client.exchange(login())), 'second')
    assert.is(counters.values.repetitions, 1)
    assert.equal(server.requests[0]?.bytes, server.requests[1]?.bytes)
  })
})
test('G23 a silent server fails over to the next and is dead until it answers for its status', async () => {
  let alive = false
  const first = await ScriptedServer.listen((request) => (!alive ? [] : request.code === CODE.statusServer ? [answerTo(request, { code: CODE.accessAccept, attributes: [] })] : [accept(request, 'first')]))
  const second = await ScriptedServer.listen((request) => [accept(request, 'second')])
  await withClient([first, second], {}, async ({ client, health, counters }) => {
    assert.is(whoOf(await client.exchange(login())), 'second')
    assert.equal(health.list().map(({ code }) => code), [`auth-radius-server-127.0.0.1:${first.port}`])
    assert.is(whoOf(await client.exchange(login())), 'second')
    assert.is(new Set(first.requests.filter(({ code }) => code === CODE.accessRequest).map(({ id }) => id)).size, 1, 'nothing goes to the dead one')
    assert.is(counters.values.timeouts, 1)
    alive = true
    await event(() => health.list().length === 0)
    assert.is(whoOf(await client.exchange(login())), 'first')
  })
})
test('a closed port is noticed at once; of one server alone it is waited for', async () => {
  const gone = await ScriptedServer.listen(() => [])
  const { port } = gone
  await gone.close()
  const second = await ScriptedServer.listen((request) => [accept(request, 'second')])
  await withClient([second], { server: [serverConfig(port), second.config()], timeout: 400 }, async ({ client, health }) => {
    assert.is(whoOf(await client.exchange(login())), 'second')
    assert.match(health.list()[0]?.text ?? '', /cannot be reached: .*ECONNREFUSED/)
  })
  await withClient([], { server: [serverConfig(port)], timeout: 40 }, async ({ client }) => {
    const reply = client.exchange(login())
    const back = await ScriptedServer.listen((request) => [accept(request, 'back')], port)
    assert.is(whoOf(await reply), 'back')
    await back.close()
  })
})
test('round-robin takes each in turn, and a challenge goes back to its server', async () => {
  const servers = await Promise.all(['a', 'b', 'c'].map((name) => ScriptedServer.listen((request) => [accept(request, name)])))
  await withClient(servers, { balance: 'round-robin' }, async ({ client }) => {
    const got: (string | undefined)[] = []
    for (let turn = 0; turn < 6; turn++) got.push(whoOf(await client.exchange(login())))
    assert.equal(got, ['a', 'b', 'c', 'a', 'b', 'c'])
    const server = servers[1]?.config().name
    assert.is(whoOf(await client.exchange({ ...login(), server })), 'b')
    assert.is(await client.exchange({ ...login(), server: 'elsewhere' }), undefined)
  })
})
test('600 requests are under way on a server at the same time, each with its own answer; beyond the bound they are refused', async () => {
  const held = new Map<string, () => void>()
  const server = await ScriptedServer.listen(() => [])
  server.socket.on('message', (_, peer) => {
    const request = server.requests.at(-1) as Packet
    const name = request.attributes[1]?.value.toString() ?? ''
    const send = (): void => server.socket.send(accept(request, name), peer.port, peer.address)
    if (held.size === 600 && name.startsWith('user')) return send()
    held.set(name, send)
    // What the kernel had no room for comes again.
    if (held.size === 600) [...held.values()].reverse().forEach((one) => one())
  })
  await withClient([server], { timeout: 80 }, async ({ client, counters }) => {
    const names = Array.from({ length: 600 }, (_, at) => `user${at}`)
    const got = (await Promise.all(names.map((name) => client.exchange(login(name))))).map(whoOf)
    assert.is(names.filter((name, at) => got[at] !== name).join(), '')
    const open = Array.from({ length: MAX_UNDER_WAY }, () => client.exchange(login()))
    assert.is(await client.exchange(login()), undefined)
    assert.is(counters.values.refused, 1)
    client.close()
    assert.ok((await Promise.all(open)).every((reply) => reply === undefined))
  })
})
test('a reload keeps a server that is as it was, and what it is about to answer', async () => {
  const server = await ScriptedServer.listen((request, times) => (times < 2 ? [] : [accept(request, 'kept')]))
  await withClient([server], { timeout: 12 }, async ({ client }) => {
    const reply = client.exchange(login())
    await event(() => server.requests.length === 1)
    client.configure({ server: [server.config()], balance: 'failover', timeout: 12 })
    assert.is(whoOf(await reply), 'kept')
  })
})

test.run()
