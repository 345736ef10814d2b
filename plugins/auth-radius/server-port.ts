import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { FileRefusal, type Clock } from '../../core/api.ts'
import { Channel, type Asked, type Sent } from './channel.ts'
import type { ServerConfig } from './config.ts'
import type { Counters } from './counters.ts'
import { tlsLink, udpLink } from './link.ts'
import { CODE, type Packet } from './packet.ts'

/** Sockets to one port: 2048 requests under way. */
const MAX_CHANNELS = 16
/** How long a socket without requests stays, which then gives way to one with another random port. */
const IDLE_MS = 10_000
/** First repetition; each next one after twice the time (RFC 5080 section 2.2.1), a tenth more or less. */
const REPEAT_MS = 1000
const NAME_MS = 60_000

/** `silent`: no answer in time. `unreachable`: the server's machine says that nobody is there, or has no address. */
export type Outcome = Packet | 'silent' | 'unreachable' | 'full'

export interface PortParts {
  readonly clock: Clock
  readonly counters: Counters
  /** An answer without Message-Authenticator was ignored because one was demanded. */
  unsigned(): void
}

/** One UDP port of a server, or its RadSec connections. */
export class ServerPort {
  private channels: Channel[] = []
  private resolved: { readonly address: string; readonly until: number } | undefined
  private readonly secret: Buffer
  private sawSigned = false
  private idle: { cancel(): void } | undefined
  private closed = false
  /** Why the last link broke. */
  problem: string | undefined
  /** Monotonic time of the last answer. */
  answeredAt = -Infinity

  constructor(readonly config: ServerConfig, private readonly port: number, private readonly parts: PortParts) {
    this.secret = Buffer.from(config.secret.reveal())
  }

  /** Asks until there is an answer or `limitMs` are over. `patient`: a refused port is asked again, for nobody else could answer. */
  async ask(asked: Asked, limitMs: number, patient: boolean): Promise<Outcome> {
    const { clock, counters } = this.parts
    counters.values.requests++
    const end = clock.monotonic() + limitMs
    for (let pause = REPEAT_MS / 4; ; pause = Math.min(2 * pause, REPEAT_MS)) {
      const outcome = await this.once(asked, end - clock.monotonic())
      if (outcome !== 'unreachable' || !patient || this.closed || clock.monotonic() + pause >= end) {
        if (outcome === 'silent') counters.values.timeouts++
        return outcome
      }
      await new Promise<void>((resolve) => clock.after(pause, resolve))
    }
  }

  private async once(asked: Asked, limitMs: number): Promise<Outcome> {
    const address = await this.address()
    // Taken and used in one go: 256 callers at once shall not find the last place free.
    const channel = address === undefined ? 'unreachable' : this.channel(address)
    if (typeof channel === 'string') return channel
    const { clock, counters } = this.parts
    return new Promise((resolve) => {
      const done = (outcome: Outcome): void => {
        end.cancel()
        repeat?.cancel()
        sent.forget()
        this.rest()
        resolve(outcome)
      }
      const sent: Sent = channel.send(asked, {
        answered: (packet) => {
          this.answeredAt = clock.monotonic()
          done(packet)
        },
        broken: () => done('unreachable'),
      })
      const end = clock.after(Math.max(1, limitMs), () => done('silent'))
      let repeat: { cancel(): void } | undefined
      const repeatAfter = (pause: number): void => {
        repeat = clock.after(pause * (0.9 + Math.random() / 5), () => {
          counters.values.repetitions++
          sent.repeat()
          repeatAfter(2 * pause)
        })
      }
      if (!channel.reliable) repeatAfter(REPEAT_MS)
    })
  }

  /** A connection that is silent may be long gone: the next request makes another. */
  renew(): void {
    if (this.config.tls) this.reset()
  }
  private reset(): void {
    const all = this.channels
    this.channels = []
    all.forEach((channel) => channel.close())
  }
  close(): void {
    this.closed = true
    this.idle?.cancel()
    this.reset()
  }

  /** The first of its name, known for a minute; undefined when it does not resolve. */
  private async address(): Promise<string | undefined> {
    if (isIP(this.config.host) !== 0) return this.config.host
    const now = this.parts.clock.monotonic()
    if (this.resolved && this.resolved.until > now) return this.resolved.address
    try {
      this.resolved = { address: (await lookup(this.config.host)).address, until: now + NAME_MS }
    } catch (error) {
      this.problem = `${this.config.host} does not resolve (${(error as NodeJS.ErrnoException).code ?? 'no address'})`
    }
    // A name that was known stays known while the resolver is away.
    return this.resolved?.address
  }

  private channel(address: string): Channel | 'unreachable' | 'full' {
    if (this.closed) return 'unreachable'
    this.channels = this.channels.filter((channel) => channel.usable || channel.length > 0)
    const free = this.channels.find((channel) => channel.usable)
    if (free) return free
    if (this.channels.length >= MAX_CHANNELS) return 'full'
    try {
      const fresh = this.open(address)
      this.channels.push(fresh)
      return fresh
    } catch (error) {
      if (!(error instanceof FileRefusal) && !(error as NodeJS.ErrnoException).code) throw error
      this.problem = (error as Error).message
      return 'unreachable'
    }
  }

  private open(address: string): Channel {
    const { tls, requireMessageAuthenticator } = this.config
    return new Channel({
      secret: this.secret,
      counters: this.parts.counters,
      accepts: (code, proof) => {
        if (code !== CODE.accessRequest || tls) return true
        if (proof === 'signed') return (this.sawSigned = true)
        const demanded = requireMessageAuthenticator === 'yes' || (requireMessageAuthenticator === 'auto' && this.sawSigned)
        if (demanded) this.parts.unsigned()
        return !demanded
      },
      broken: (reason) => void (this.problem = reason),
    }, (events) => (tls ? tlsLink(address, this.port, tls, events) : udpLink(address, this.port, events)))
  }

  /** A UDP socket that is not needed any more goes after a while. */
  private rest(): void {
    if (this.config.tls || this.idle || this.closed) return
    this.idle = this.parts.clock.after(IDLE_MS, () => {
      this.idle = undefined
      if (this.channels.every((channel) => channel.length === 0)) this.reset()
      else this.rest()
    })
  }
}
