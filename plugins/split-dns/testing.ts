import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket as Stream } from 'node:net'
import { BUILT_IN_POLICY, systemClock, type Clock, type GatewayConfig, type Policy, type Session } from '../../core/api.ts'
import { ListedHealth, TestLog } from '../../core/testing.ts'
import { Clients } from './clients.ts'
import { SplitDnsConfig } from './config.ts'
import { Counters } from './counters.ts'
import { Exchanges } from './exchanges.ts'
import { Forwarder } from './forwarder.ts'
import { Listeners } from './listeners.ts'
import { writeName } from './name.ts'
import { CLASS_IN, FLAG, HEADER, readQuestion } from './query.ts'
import { Resolver } from './resolver.ts'
import { framed, Framer } from './tcp-framer.ts'

export const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, OPT: 41 } as const
const u16 = (...values: number[]): Buffer => Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 255])))
const u32 = (value: number): Buffer => u16(value >>> 16, value & 0xffff)

export interface TestRecord {
  readonly name?: string
  readonly type: number
  readonly ttl: number
  readonly data: Buffer
}
export const A = (address: string, ttl = 300): TestRecord => ({ type: TYPES.A, ttl, data: Buffer.from(address.split('.').map(Number)) })
export const soa = (ttl: number, minimum: number): TestRecord => ({ type: TYPES.SOA, ttl, data: Buffer.concat([writeName('ns.example'), writeName('root.example'), u32(1), u32(2), u32(3), u32(4), u32(minimum)]) })

const recordBytes = ({ name, type, ttl, data }: TestRecord): Buffer => Buffer.concat([name === undefined ? u16(0xc000 | HEADER) : writeName(name), u16(type, CLASS_IN), u32(ttl), u16(data.length), data])
export const opt = (size = 1232, options = Buffer.alloc(0), flags = 0): Buffer => Buffer.concat([Buffer.from([0]), u16(TYPES.OPT, size), u32(flags), u16(options.length), options])
export const COOKIE = Buffer.concat([u16(10, 8), Buffer.from('12345678')])
export const CLIENT_SUBNET = Buffer.concat([u16(8, 7), Buffer.from([0, 1, 24, 0, 192, 0, 2])])

/** A query as clients send it. */
export const query = (name: string, options: { readonly id?: number; readonly type?: number; readonly flags?: number; readonly edns?: Buffer; readonly class?: number } = {}): Buffer =>
  Buffer.concat([u16(options.id ?? 0x1234, options.flags ?? FLAG.RD, 1, 0, 0, options.edns ? 1 : 0), writeName(name), u16(options.type ?? TYPES.A, options.class ?? CLASS_IN), options.edns ?? Buffer.alloc(0)])

export interface TestAnswer {
  readonly rcode?: number
  readonly flags?: number
  readonly answers?: readonly TestRecord[]
  readonly authority?: readonly TestRecord[]
}
/** The answer of a server to those bytes. */
export function answerTo(asked: Buffer, { rcode = 0, flags = 0, answers = [], authority = [] }: TestAnswer): Buffer {
  const question = asked.subarray(HEADER, readQuestion(asked).end)
  const head = u16(asked.readUInt16BE(0), FLAG.QR | FLAG.RD | FLAG.RA | flags | rcode, 1, answers.length, authority.length, 0)
  return Buffer.concat([head, question, ...[...answers, ...authority].map(recordBytes)])
}
export const rcodeOf = (message: Buffer): number => message.readUInt16BE(2) & 0xf
export const isTruncated = (message: Buffer): boolean => (message.readUInt16BE(2) & FLAG.TC) !== 0

/** Byte by byte, length in front. */
export const framedPieces = (message: Buffer): readonly Buffer[] => [...framed(message)].map((byte) => Buffer.from([byte]))

/** What a test's server does with a query: bytes to send, or `send` by itself. */
export type Reply = (asked: Buffer, over: 'udp' | 'tcp', reach: { readonly udp: Socket; readonly from: RemoteInfo | undefined; readonly stream: Stream | undefined }) => Buffer | undefined

/** A DNS server of a test on a random port of the loopback, UDP and TCP. */
export class TestServer {
  readonly asked: { readonly message: Buffer; readonly over: 'udp' | 'tcp'; readonly port: number }[] = []
  private readonly streams = new Set<Stream>()
  private constructor(private readonly udp: Socket, private readonly tcp: Server, readonly port: number) {}

  static async start(reply: Reply, port = 0): Promise<TestServer> {
    const udp = createSocket('udp4')
    udp.bind(port, '127.0.0.1')
    await once(udp, 'listening')
    const tcp = createServer()
    tcp.listen(udp.address().port, '127.0.0.1')
    await once(tcp, 'listening')
    const server = new TestServer(udp, tcp, udp.address().port)
    udp.on('message', (message, from) => {
      server.asked.push({ message, over: 'udp', port: from.port })
      const answer = reply(message, 'udp', { udp, from, stream: undefined })
      if (answer) udp.send(answer, from.port, from.address)
    })
    tcp.on('connection', (stream) => {
      server.streams.add(stream)
      stream.on('error', () => stream.destroy())
      const framer = new Framer(0xffff)
      stream.on('data', (chunk: Buffer) => {
        for (const message of framer.push(chunk) ?? []) {
          server.asked.push({ message, over: 'tcp', port: stream.remotePort ?? 0 })
          const answer = reply(message, 'tcp', { udp, from: undefined, stream })
          if (answer) stream.write(framed(answer))
        }
      })
    })
    return server
  }
  get text(): string {
    return `127.0.0.1:${this.port}`
  }
  async stop(): Promise<void> {
    for (const stream of this.streams) stream.destroy()
    await Promise.all([new Promise<void>((done) => this.udp.close(() => done())), new Promise((done) => this.tcp.close(done))])
  }
}

export const session = (id: string, address: string, options: { readonly group?: string; readonly policy?: Partial<Policy> } = {}): Session =>
  ({ id, user: `user-${id}`, group: options.group ?? 'staff', leases: { ipv4: { address, prefix: 8 } }, policy: { values: { ...BUILT_IN_POLICY, ...options.policy }, origins: {} } }) as unknown as Session

/** The parts of the plugin, with the session of group `staff` at 127.0.0.1 unless `strangers`. `config` is a section as written. */
export function rig(config: object, options: { readonly clock?: Clock; readonly strangers?: boolean; readonly pools?: readonly string[] } = {}) {
  const clock = options.clock ?? systemClock
  const log = new TestLog()
  const health = new ListedHealth()
  const counters = new Counters()
  const clients = new Clients(clock)
  const exchanges = new Exchanges(clock, counters)
  const forwarder = new Forwarder({ clock, exchanges, health, log })
  const resolver = new Resolver(SplitDnsConfig.parse(config), { clients, clock, counters, forwarder, log })
  const pools = new Map((options.pools ?? []).map((ipv4, at) => [`p${at}`, { name: `p${at}`, ipv4, quarantineSec: 0 }]))
  const gateway: Pick<GatewayConfig, 'pools' | 'groups'> = { pools, groups: new Map() }
  if (!options.strangers) clients.tunnelUp(session('one', '127.0.0.1'))
  const parts = { clients, clock, config: gateway, counters, health, log, resolver }
  return {
    ...parts, exchanges, forwarder,
    count: counters.values,
    listeners: (port: number) => new Listeners(parts, port),
    ask: async (message: Buffer, from = '127.0.0.1', over: 'udp' | 'tcp' = 'udp'): Promise<Buffer> => {
      const answer = await resolver.answer(message, from, over)
      if (!answer) throw new Error('no answer')
      return answer
    },
    stop: () => {
      forwarder.close()
      exchanges.close()
    },
  }
}
