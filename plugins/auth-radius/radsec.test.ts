import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock, type Clock } from '../../core/api.ts'
import { ListedHealth, TestLog, testDirectory } from '../../core/testing.ts'
import { certificate } from '../../test/native/certificates.ts'
import { attribute, valueOf } from './attributes.ts'
import { RadiusClient, type RadiusReply, type RadiusRequest } from './client.ts'
import type { ServerConfig } from './config.ts'
import { Counters } from './counters.ts'
import { CODE, decodePacket, MAX_PACKET, type Packet } from './packet.ts'
import { PacketFramer } from './packet-framer.ts'
import { answerTo, serverConfig } from './testing.ts'

const folder = testDirectory()
const pem = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const own = await certificate('radius.example.com')
const ca = pem('ca.pem', own.chainPem)
const strangersCa = pem('stranger.pem', (await certificate('radius.example.com')).chainPem)

/** A RadSec server by script: told of each request, and of whatever else happens to its connections. */
class RadSecServer {
  readonly requests: Packet[] = []
  readonly connections: TLSSocket[] = []
  private constructor(readonly server: Server, script: (request: Packet, socket: TLSSocket, seen: readonly Packet[]) => void) {
    server.on('secureConnection', (socket) => {
      this.connections.push(socket)
      const framer = new PacketFramer()
      socket.on('error', () => socket.destroy())
      socket.on('data', (chunk: Buffer) => framer.push(chunk)?.forEach((bytes) => {
        const request = decodePacket(bytes) as Packet
        this.requests.push(request)
        script(request, socket, this.requests)
      }))
    })
    server.on('tlsClientError', () => undefined)
  }
  static async listen(script: (request: Packet, socket: TLSSocket, seen: readonly Packet[]) => void): Promise<RadSecServer> {
    const server = createServer({ cert: own.chainPem, key: own.keyPem })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RadSecServer(server, script)
  }
  config(files: Partial<ServerConfig['tls']> = {}): ServerConfig {
    const { port } = this.server.address() as AddressInfo
    return serverConfig(port, { name: `radsec:${port}`, tls: { ca, certificate: undefined, key: undefined, name: 'radius.example.com', ...files } })
  }
  close(): void {
    this.connections.forEach((socket) => socket.destroy())
    this.server.close()
  }
}

/** Four seconds of the client are one. */
const clock: Clock = { now: () => systemClock.now(), monotonic: () => 4 * systemClock.monotonic(), after: (ms, fn) => systemClock.after(ms / 4, fn) }
const login = (user: string): RadiusRequest => ({ purpose: 'authentication', code: CODE.accessRequest, attributes: () => [attribute('User-Name', user)] })
const nameIn = (request: Packet): string => request.attributes.find(({ type }) => type === 1)?.value.toString() ?? ''
const accept = (request: Packet): Buffer => answerTo(request, { code: CODE.accessAccept, attributes: [attribute('Reply-Message', nameIn(request))], signed: false })
const whoOf = (reply: RadiusReply | undefined): string | undefined => reply && valueOf(reply.attributes, 'Reply-Message')

async function withClient(servers: readonly RadSecServer[], configs: ServerConfig[], body: (client: RadiusClient, health: ListedHealth) => Promise<void>): Promise<void> {
  const health = new ListedHealth()
  const client = new RadiusClient({ server: configs, balance: 'failover', timeout: 8 }, { clock, counters: new Counters(), health, log: new TestLog() })
  try {
    await body(client, health)
  } finally {
    client.close()
    servers.forEach((server) => server.close())
  }
}

test('packets come out of the stream whole, wherever it is split', () => {
  const packets = ['a', 'bb', 'ccc'].map((name, id) => answerTo({ id, authenticator: Buffer.alloc(16, id) } as Packet, { code: CODE.accessAccept, attributes: [attribute('Reply-Message', name)] }))
  const stream = Buffer.concat(packets)
  for (let at = 0; at <= stream.length; at++) {
    const framer = new PacketFramer()
    const parts = [stream.subarray(0, at), stream.subarray(at)].map((part) => framer.push(part))
    assert.equal(parts.flatMap((part) => part ?? []), packets, `split at ${at}`)
  }
  const framer = new PacketFramer()
  assert.equal([...stream].flatMap((byte) => framer.push(Buffer.from([byte])) ?? []), packets, 'byte by byte')
})
test('G23 a length that no packet has ends the stream at once, however much follows', () => {
  for (const length of [0, 1, 19, MAX_PACKET + 1, 65_535]) {
    const head = Buffer.from([CODE.accessAccept, 1, length >> 8, length & 255])
    assert.is(new PacketFramer().push(head), undefined, `${length}`)
    const framer = new PacketFramer()
    assert.equal(framer.push(head.subarray(0, 3)), [])
    assert.is(framer.push(head.subarray(3)), undefined, `${length} in two parts`)
  }
  // What a longest packet lacks is waited for, and is no more than itself.
  const longest = Buffer.alloc(MAX_PACKET)
  longest.writeUInt16BE(MAX_PACKET, 2)
  const framer = new PacketFramer()
  assert.equal(framer.push(longest.subarray(0, MAX_PACKET - 1)), [])
  assert.is(framer.push(longest.subarray(MAX_PACKET - 1))?.[0]?.length, MAX_PACKET)
})
test('G23 two answers in one piece, the later request\'s first, and one in single bytes: each finds its login', async () => {
  const server = await RadSecServer.listen((request, socket, seen) => {
    if (seen.length === 2) socket.write(Buffer.concat([...seen].reverse().map(accept)))
    if (seen.length < 3) return
    socket.setNoDelay(true)
    for (const byte of accept(request)) socket.write(Buffer.from([byte]))
  })
  await withClient([server], [server.config()], async (client) => {
    assert.equal((await Promise.all(['alice', 'bob'].map((name) => client.exchange(login(name))))).map(whoOf), ['alice', 'bob'])
    assert.is(whoOf(await client.exchange(login('carol'))), 'carol')
    assert.is(server.connections.length, 1, 'one connection for all')
    assert.equal(server.requests.map(({ id }) => id).length, 3, 'nothing is sent twice')
  })
})
test('G23 a server with another name in its certificate, or of another authority, hears of no login', async () => {
  for (const [files, why] of [[{ name: 'other.example.com' }, /Hostname\/IP does not match/], [{ ca: strangersCa }, /self-signed certificate/]] as const) {
    const [wrong, right] = [await RadSecServer.listen(() => assert.unreachable()), await RadSecServer.listen((request, socket) => socket.write(accept(request)))]
    await withClient([wrong, right], [wrong.config(files), right.config()], async (client, health) => {
      assert.is(whoOf(await client.exchange(login('alice'))), 'alice')
      assert.match(health.list().map(({ text }) => text).join(), why)
      assert.is(wrong.requests.length, 0)
    })
  }
})
test('G23 a server that goes away with logins under way: they are asked elsewhere at once, and its return is noticed', async () => {
  const first = await RadSecServer.listen((request, socket, seen) => {
    // Gone with the third under way, half an answer sent.
    if (request.code === CODE.statusServer || seen.length > 3) return void socket.write(answerTo(request, { code: CODE.accessAccept, attributes: [attribute('Reply-Message', 'back')] }))
    if (seen.length === 3) socket.write(accept(request).subarray(0, 21), () => socket.destroy())
  })
  const second = await RadSecServer.listen((request, socket) => socket.write(accept(request)))
  await withClient([first, second], [first.config(), second.config()], async (client, health) => {
    const began = clock.monotonic()
    const cleared = new Promise<void>((resolve) => {
      const clear = health.clear.bind(health)
      health.clear = (code) => void (clear(code), resolve())
    })
    assert.equal((await Promise.all(['alice', 'bob', 'carol'].map((name) => client.exchange(login(name))))).map(whoOf), ['alice', 'bob', 'carol'])
    assert.ok(clock.monotonic() - began < 8000, 'nobody waited for the time limit')
    assert.equal(second.requests.map(nameIn).sort(), ['alice', 'bob', 'carol'])
    await cleared
    assert.is(whoOf(await client.exchange(login('dave'))), 'back')
    assert.is(first.connections.length, 2)
  })
})
test('G23 a server that speaks something else is left', async () => {
  const first = await RadSecServer.listen((_, socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const second = await RadSecServer.listen((request, socket) => socket.write(accept(request)))
  await withClient([first, second], [first.config(), second.config()], async (client, health) => {
    assert.is(whoOf(await client.exchange(login('alice'))), 'alice')
    assert.match(health.list().map(({ text }) => text).join(), /sent what is no RADIUS packet/)
  })
})

test.run()
