// test: limit=240 alone
// Peers that mean harm, on the real listener, while a real client works. Each of them ends alone, in bounded time.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import * as assert from 'uvu/assert'
import { AnyConnectConnection, login } from '../lab/anyconnect.ts'
import { Service, sleep, until } from '../lab/command.ts'
import { Gateway, type ListedSession } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'
import { flood, serveTransfers, transfer } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'], clients: 2 })
const PASSWORD = 'correct horse 9'
const XML = 'POST / HTTP/1.1\r\nHost: gw\r\nX-Aggregate-Auth: 1\r\nContent-Type: application/xml\r\n'
const post = (body: string): string => `${XML}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

interface Attack {
  readonly name: string
  readonly layer: 'tcp' | 'tls'
  readonly send: (socket: Socket) => void | Promise<void>
  /** The connection must be over by then; 10 s for a handshake, 10 s for a head, 30 s for a whole request, and margin. */
  readonly limitMs: number
  /** What may come back before that. */
  readonly answer?: RegExp
}

const drip = async (socket: Socket, text: string): Promise<void> => {
  for (const letter of text) {
    if (socket.destroyed || !socket.writable) return
    socket.write(letter)
    await sleep(1000)
  }
}
/** As much as the peer takes, until it has enough. */
const pour = async (socket: Socket, chunk: string, times: number): Promise<void> => {
  for (let index = 0; index < times && !socket.destroyed && socket.writable; index++) {
    while (socket.writableNeedDrain && !socket.destroyed && socket.writable) await sleep(20)
    socket.write(chunk)
  }
}

const ATTACKS: readonly Attack[] = [
  { name: 'random bytes', layer: 'tcp', limitMs: 13_000, send: (socket) => void socket.write(randomBytes(4096)) },
  { name: 'HTTP without TLS', layer: 'tcp', limitMs: 13_000, send: (socket) => void socket.write('GET / HTTP/1.1\r\nHost: gw\r\n\r\n') },
  { name: 'silence instead of a handshake', layer: 'tcp', limitMs: 13_000, send: () => undefined },
  { name: 'half a ClientHello', layer: 'tcp', limitMs: 13_000, send: (socket) => void socket.write(Buffer.from('1603010200010001fc0303', 'hex')) },
  { name: 'a handshake of one byte a second', layer: 'tcp', limitMs: 13_000, send: (socket) => drip(socket, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + 'a'.repeat(60)) },
  { name: 'silence after the handshake', layer: 'tls', limitMs: 15_000, send: () => undefined, answer: /^(HTTP\/1\.1 408|$)/ },
  { name: 'a head of one byte a second', layer: 'tls', limitMs: 15_000, send: (socket) => drip(socket, `GET / HTTP/1.1\r\nHost: gw\r\nX-A: ${'a'.repeat(60)}`), answer: /^(HTTP\/1\.1 408|$)/ },
  { name: 'a body of one byte a second', layer: 'tls', limitMs: 36_000, send: (socket) => {
    socket.write(`${XML}Content-Length: 100\r\n\r\n`)
    return drip(socket, 'x'.repeat(60))
  }, answer: /^(HTTP\/1\.1 40[08]|$)/ },
  { name: 'a body that never comes', layer: 'tls', limitMs: 36_000, send: (socket) => void socket.write(`${XML}Content-Length: 1000\r\n\r\nshort`), answer: /^(HTTP\/1\.1 40[08]|$)/ },
  { name: '1 MB of headers', layer: 'tls', limitMs: 13_000, send: (socket) => pour(socket, `GET / HTTP/1.1\r\nHost: gw\r\n${'X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(18_000)}\r\n`, 1), answer: /^(HTTP\/1\.1 4(00|31)|$)/ },
  { name: 'a method of its own', layer: 'tls', limitMs: 13_000, send: (socket) => void socket.write('BREW / HTTP/1.1\r\nHost: gw\r\n\r\n'), answer: /^(HTTP\/1\.1 (400|405|501)|$)/ },
  { name: 'two lengths', layer: 'tls', limitMs: 13_000, send: (socket) => void socket.write(`${XML}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`), answer: /^(HTTP\/1\.1 400|$)/ },
  { name: 'a length and chunks', layer: 'tls', limitMs: 13_000, send: (socket) => void socket.write(`${XML}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`), answer: /^(HTTP\/1\.1 400|$)/ },
  { name: 'a length that is no number', layer: 'tls', limitMs: 13_000, send: (socket) => void socket.write(`${XML}Content-Length: -1\r\n\r\n`), answer: /^(HTTP\/1\.1 400|$)/ },
  { name: 'chunks without end', layer: 'tls', limitMs: 36_000, send: async (socket) => {
    socket.write(`${XML}Transfer-Encoding: chunked\r\n\r\n`)
    await pour(socket, `8000\r\n${'x'.repeat(32_768)}\r\n`, 400)
  }, answer: /^(HTTP\/1\.1 4(00|13)|$)/ },
  { name: 'a body of 10 MB', layer: 'tls', limitMs: 36_000, send: async (socket) => {
    socket.write(`${XML}Content-Length: 10000000\r\n\r\n`)
    await pour(socket, 'x'.repeat(100_000), 100)
  }, answer: /^(HTTP\/1\.1 4(00|13)|$)/ },
  { name: 'a doctype', layer: 'tls', limitMs: 20_000, send: (socket) => {
    socket.end(post('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "x">]><config-auth client="vpn" type="init">&e;</config-auth>'))
  }, answer: /^HTTP\/1\.1 (200|400)(?![\s\S]*root:)/ },
  { name: '10,000 levels', layer: 'tls', limitMs: 20_000, send: (socket) => {
    socket.end(post(`<config-auth client="vpn" type="init">${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}</config-auth>`))
  }, answer: /^HTTP\/1\.1 (200|400)/ },
  { name: 'a second request before the answer to the first', layer: 'tls', limitMs: 20_000, send: (socket) => {
    socket.end('GET / HTTP/1.1\r\nHost: gw\r\n\r\n'.repeat(2))
  } },
  { name: 'renegotiation by nonsense', layer: 'tls', limitMs: 13_000, send: (socket) => void socket.write(randomBytes(20_000)), answer: /^(HTTP\/1\.1 4(00|31)|$)/ },
]

async function suffer(socket: Socket, attack: Attack): Promise<string | undefined> {
  const started = Date.now()
  let answer = ''
  let over = false
  socket.on('data', (chunk: Buffer) => (answer = (answer + chunk.toString('latin1')).slice(0, 10_000)))
  // A reset is as good an end as any.
  socket.on('error', () => (over = true))
  for (const event of ['end', 'close']) socket.on(event, () => (over = true))
  const sending = Promise.resolve(attack.send(socket))
  try {
    await until(attack.name, () => over, attack.limitMs)
  } catch {
    return `${attack.name}: still connected after ${attack.limitMs} ms`
  } finally {
    socket.destroy()
    await sending
  }
  if (attack.answer && !attack.answer.test(answer)) return `${attack.name}: answered ${JSON.stringify(answer.slice(0, 200))} after ${Date.now() - started} ms`
  return undefined
}

/** Resident memory of the gateway, bytes. */
const resident = (gateway: Gateway): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'latin1'))?.[1] ?? 0) * 1024

/** Runs `body` while alice's real client pings the lan ten times a second; not one answer may be missing. */
async function unharmed(lab: Lab, gateway: Gateway, body: () => Promise<void>, args: readonly string[] = []): Promise<void> {
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args })
  const pings = new Service(['ping', '-n', '-i', '0.1', LAN.ipv4], { namespace: lab.client.namespace })
  const alices = async (): Promise<ListedSession | undefined> => (await gateway.sessions()).find(({ user }) => user === 'alice')
  const before = await alices()
  await body()
  await until('pings beside it', () => (pings.stdout.match(/ time=/g)?.length ?? 0) > 5)
  const { stdout } = await pings.stop('SIGINT')
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? []
  assert.ok(Number(received) >= Number(sent) - 1, `${received} of ${sent} answers`)
  const after = await alices()
  assert.ok(before)
  assert.equal([after?.id, after?.connectedAt], [before.id, before.connectedAt], 'the tunnel is the same')
  assert.is.not(after?.state, 'waiting')
  await client.stop()
}

test('hostile peers before login end alone, in time, and bounded memory, beside a working client', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const relay = await Relay.start(lab, lab.clients[1] ?? lab.client)
  await unharmed(lab, gateway, async () => {
    const before = resident(gateway)
    // One after the other, since one source may not have them all in their handshake; then all at once.
    const sockets: (readonly [Socket, Attack])[] = []
    for (const attack of ATTACKS) sockets.push([attack.layer === 'tcp' ? await relay.tcp() : await relay.tls(), attack])
    const complaints = await Promise.all(sockets.map(([socket, attack]) => suffer(socket, attack)))
    assert.equal(complaints.filter((complaint) => complaint !== undefined), [])
    const grown = resident(gateway) - before
    assert.ok(grown < 64_000_000, `memory grew by ${grown} bytes`)
  })
  assert.not.match(gateway.log, /uncaught|unhandled/i)
})

const frame = (payload: Uint8Array, header: readonly number[] = [0x53, 0x54, 0x46, 1, payload.length >> 8, payload.length & 255, 0, 0]): Buffer =>
  Buffer.concat([Buffer.from(header), payload])

test('G10 frames with a wrong magic or length end that tunnel only', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD, mallory: PASSWORD } })
  const relay = await Relay.start(lab, lab.clients[1] ?? lab.client)
  await unharmed(lab, gateway, async () => {
    const cookie = await login(new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4), { username: 'mallory', password: PASSWORD })
    const broken = {
      'wrong magic': Buffer.from('deadbeef0004000041424344', 'hex'),
      'byte 7 set': frame(randomBytes(20), [0x53, 0x54, 0x46, 1, 0, 20, 0, 1]),
      'a length of 65,535 with nonsense behind it': frame(randomBytes(70_000), [0x53, 0x54, 0x46, 1, 255, 255, 0, 0]),
    }
    for (const [name, bytes] of Object.entries(broken)) {
      const connection = new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4)
      assert.is((await connection.tunnel(cookie)).status, 200, name)
      connection.socket.write(bytes)
      await until(`${name}: the end`, () => connection.socket.readableEnded || connection.socket.destroyed, 5000)
      connection.socket.destroy()
      const session = await until(`${name}: the session to wait`, async () =>
        (await gateway.sessions()).find(({ user, state }) => user === 'mallory' && state === 'waiting'))
      assert.ok(session)
    }
    // Empty data and nonsense that is no IP packet are dropped and the tunnel goes on.
    const connection = new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4)
    assert.is((await connection.tunnel(cookie)).status, 200)
    connection.socket.write(frame(new Uint8Array()))
    connection.socket.write(frame(randomBytes(100)))
    connection.frame(3, Buffer.from('are you there'))
    await connection.more()
    assert.is(connection.rest.subarray(0, 4).toString('hex'), '53544601')
    assert.is(connection.rest[6], 4, 'DPD is answered')
    assert.is(connection.rest.subarray(8, 21).toString(), 'are you there')
    await connection.bye()
  })
})

/** An ICMP echo request, checksums right. */
function echo(from: string, to: string): Buffer {
  const address = (text: string): number[] => text.split('.').map(Number)
  const sum = (bytes: Buffer): number => {
    let total = 0
    for (let index = 0; index < bytes.length; index += 2) total += bytes.readUInt16BE(index)
    while (total > 65_535) total = (total & 65_535) + (total >>> 16)
    return ~total & 65_535
  }
  const icmp = Buffer.from([8, 0, 0, 0, 0, 1, 0, 1])
  icmp.writeUInt16BE(sum(icmp), 2)
  const ip = Buffer.from([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, ...address(from), ...address(to)])
  ip.writeUInt16BE(sum(ip), 10)
  return Buffer.concat([ip, icmp])
}

test('packets with a foreign inner source go nowhere, those with the own one do', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD, mallory: PASSWORD }, config: { firewall: { masquerade: false } } })
  const relay = await Relay.start(lab, lab.clients[1] ?? lab.client)
  await unharmed(lab, gateway, async () => {
    const connection = new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4)
    const cookie = await login(connection, { username: 'mallory', password: PASSWORD })
    assert.is((await connection.tunnel(cookie)).status, 200)
    const sessions = await gateway.sessions()
    const own = sessions.find(({ user }) => user === 'mallory')?.ipv4 ?? ''
    const alices = sessions.find(({ user }) => user === 'alice')?.ipv4 ?? ''
    const capture = new Service(['tcpdump', '-lnni', 'eth0', 'icmp[icmptype] = icmp-echo and (src host ' + own + ' or src host 10.88.0.77 or src host 8.8.8.8)'], { namespace: lab.lan.namespace })
    await capture.until('listening', () => /listening on/.test(capture.stderr))
    for (const from of ['10.88.0.77', '8.8.8.8', alices, own]) connection.frame(0, echo(from, LAN.ipv4))
    await until('the honest packet', () => capture.stdout.includes(`${own} >`))
    await sleep(300)
    await capture.stop('SIGINT')
    assert.not.match(capture.stdout, /10\.88\.0\.77|8\.8\.8\.8/)
    await connection.bye()
  })
})

test('a client that never reads costs the others nothing and the gateway bounded memory', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD, sloth: PASSWORD } })
  await serveTransfers(lab)
  const host = lab.clients[1] ?? lab.client
  const sloth = await OpenConnect.connect(host, lab.folder, { pin: gateway.pin, user: 'sloth', answers: [PASSWORD], args: ['--no-dtls'] })
  await unharmed(lab, gateway, async () => {
    const before = resident(gateway)
    // Stopped, not closed: its kernel still answers, its buffers fill.
    process.kill(sloth.service.pid, 'SIGSTOP')
    const address = (await gateway.sessions()).find(({ user }) => user === 'sloth')?.ipv4 ?? ''
    await flood(lab.lan, address, { count: 40_000, size: 1300 })
    assert.is((await transfer(lab.client, 'down', 10_000_000)).bytes, 10_000_000)
    const grown = resident(gateway) - before
    assert.ok(grown < 32_000_000, `memory grew by ${grown} bytes`)
    process.kill(sloth.service.pid, 'SIGCONT')
    // By TLS: a download by UDP overruns the socket of a client that waits for a core, and its pings are lost there.
  }, ['--no-dtls'])
})

test.run()
