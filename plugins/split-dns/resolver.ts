import type { Clock, Logger } from '../../core/api.ts'
import { bareAnswer, fitAnswer, headerAnswer } from './answer.ts'
import { Cache } from './cache.ts'
import { MAX_WAITING, type Client, type Clients } from './clients.ts'
import { serverText, type SplitDnsConfig } from './config.ts'
import type { Counters } from './counters.ts'
import type { Answered, Forwarder } from './forwarder.ts'
import { CLASS_IN, RCODE, readQuery, type Query } from './query.ts'
import { TokenBucket } from './rate.ts'
import { TYPE } from './records.ts'
import { Zones, type Route } from './zones.ts'

/** Queries of all sessions that wait for a server. */
export const MAX_WAITING_IN_ALL = 1000
/** Refusals to strangers, a second. */
const STRANGER_RATE = 50
const MAX_STREAM_ANSWER = 0xffff
/** What a forwarder cannot answer: transfers and keys are between two servers. */
const NOT_SERVED: ReadonlySet<number> = new Set([TYPE.TKEY, TYPE.TSIG, TYPE.IXFR, TYPE.AXFR])
const CODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

export interface ResolverParts {
  readonly clients: Clients
  readonly clock: Clock
  readonly counters: Counters
  readonly forwarder: Forwarder
  readonly log: Logger
}

/** From a client's message to its answer; knows no sockets. */
export class Resolver {
  readonly cache = new Cache()
  zones: Zones
  private config: SplitDnsConfig
  private waiting = 0
  private readonly underWay = new Map<string, Promise<Answered | undefined>>()
  private readonly strangers: TokenBucket

  constructor(config: SplitDnsConfig, private readonly parts: ResolverParts) {
    this.config = config
    this.zones = new Zones(config)
    this.strangers = new TokenBucket(STRANGER_RATE, STRANGER_RATE, parts.clock.monotonic())
    this.configure(config)
  }

  /** Of now on; what was cached under other servers would never be found again. */
  configure(config: SplitDnsConfig): void {
    this.config = config
    this.zones = new Zones(config)
    this.parts.forwarder.configure([...config.upstream, ...config.zone.flatMap(({ servers }) => servers)])
    this.cache.flush()
  }

  /** undefined: no answer is due. */
  async answer(message: Buffer, from: string, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const { clients, clock, counters: { values: count } } = this.parts
    const client = clients.at(from)
    const { bucket, refusals } = client ?? { bucket: undefined, refusals: this.strangers }
    const limited = bucket?.take(clock.monotonic()) === false
    // A flood costs no more than being counted.
    if ((limited || !client) && !refusals.take(clock.monotonic())) {
      count[client ? 'limited' : 'strangers']++
      return undefined
    }
    const query = readQuery(message)
    if (!query) {
      count.malformed++
      return undefined
    }
    if (!client || limited) {
      count[client ? 'limited' : 'strangers']++
      return refusal(message, query)
    }
    count.queries++
    if (transport === 'tcp') count.tcp++
    if ('rcode' in query) {
      count.malformed++
      return headerAnswer(message, query)
    }
    return this.answerQuery(query, client, transport === 'tcp' ? MAX_STREAM_ANSWER : query.udpSize)
  }

  private async answerQuery(query: Query, client: Client, limit: number): Promise<Buffer> {
    const { clock, counters: { values: count } } = this.parts
    const { question } = query
    const started = clock.monotonic()
    const route = question.class === CLASS_IN && !NOT_SERVED.has(question.type) ? this.zones.of(client.session.group).route(question.name) : undefined
    if (!route) {
      count.refused++
      return this.done(query, client, started, 'nobody', bareAnswer(query, RCODE.REFUSED))
    }
    if (route.zone === undefined) count.upstream++
    else count.zones++
    const key = `${route.servers.map(serverText).join()} ${query.cacheKey}`
    const cached = query.cacheable ? this.cache.get(key, started) : undefined
    if (cached) {
      count.cached++
      return this.done(query, client, started, 'cache', this.fit(cached.answer, query, limit, cached.ageSec))
    }
    if (client.waiting >= MAX_WAITING || this.waiting >= MAX_WAITING_IN_ALL) {
      count.limited++
      return this.done(query, client, started, 'nobody', bareAnswer(query, RCODE.REFUSED))
    }
    client.waiting++
    this.waiting++
    try {
      const answered = await (query.cacheable ? this.join(key, query, route) : this.ask(query, route))
      if (!answered) {
        count.failed++
        return this.done(query, client, started, 'nobody', bareAnswer(query, RCODE.SERVFAIL))
      }
      return this.done(query, client, started, answered.server, this.fit(answered.answer, query, limit, 0))
    } finally {
      client.waiting--
      this.waiting--
    }
  }

  /** Equal questions wait for one answer: one message to the server, and one chance to forge it. */
  private join(key: string, query: Query, route: Route): Promise<Answered | undefined> {
    const running = this.underWay.get(key)
    if (running) {
      this.parts.counters.values.joined++
      return running
    }
    const { zones } = this
    const asking = this.ask(query, route).then((answered) => {
      // Not when the configuration has changed meanwhile.
      if (answered && zones === this.zones) this.cache.put(key, answered.answer, this.parts.clock.monotonic())
      return answered
    }).finally(() => this.underWay.delete(key))
    this.underWay.set(key, asking)
    return asking
  }

  private ask({ forward, question }: Query, { servers }: Route): Promise<Answered | undefined> {
    return this.parts.forwarder.resolve({ forward, question }, servers)
  }

  private fit(answer: Answered['answer'], query: Query, limit: number, ageSec: number): Buffer {
    if (answer.bytes.length > limit) this.parts.counters.values.truncated++
    return fitAnswer(answer, query, limit, ageSec)
  }

  private done({ question: { name, type } }: Query, { session }: Client, started: number, by: string, answer: Buffer): Buffer {
    if (!this.config['query-log']) return answer
    const code = answer.readUInt16BE(2) & 0xf
    this.parts.log.info('dns query', { user: session.user, session: session.id, name, type, answer: CODES[code] ?? code, by, ms: Math.round(this.parts.clock.monotonic() - started) })
    return answer
  }
}

const refusal = (message: Buffer, query: NonNullable<ReturnType<typeof readQuery>>): Buffer =>
  'rcode' in query ? headerAnswer(message, { rcode: RCODE.REFUSED }) : bareAnswer(query, RCODE.REFUSED)
