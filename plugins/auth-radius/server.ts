import { RefusalPace, type Clock, type Health, type Logger } from '../../core/api.ts'
import type { Asked } from './channel.ts'
import type { ServerConfig } from './config.ts'
import type { Counters } from './counters.ts'
import { CODE, type Packet } from './packet.ts'
import { ServerPort, type Outcome } from './server-port.ts'

/** How often a dead server is asked for its status (RFC 5997), and how long for it may be silent. */
const PROBE_MS = 5000
const PROBE_LIMIT_MS = 2000
/** After so long a server that does not answer that question gets one request again. */
const DEAD_MS = 30_000
/** How long a rejection takes before there was one: servers wait with it. */
const FIRST_REJECTION_MS = 1000

export type Purpose = 'authentication' | 'accounting'
export interface ServerParts {
  readonly clock: Clock
  readonly counters: Counters
  readonly health: Health
  readonly log: Logger
}

/** One server for one purpose: asks, and knows whether it is alive. */
export class Server {
  private readonly port: ServerPort
  private dead: { retryAt: number; readonly probe: { cancel(): void } } | undefined
  private told = false
  private closed = false
  /** Of its rejections. */
  readonly pace = new RefusalPace(FIRST_REJECTION_MS)

  constructor(readonly config: ServerConfig, private readonly purpose: Purpose, private readonly parts: ServerParts) {
    const port = purpose === 'accounting' && !config.tls ? config.accountingPort : config.port
    this.port = new ServerPort(config, port, { clock: parts.clock, counters: parts.counters, unsigned: () => this.unsigned() })
  }

  get name(): string {
    return this.config.name
  }
  private get code(): string {
    return `auth-radius-${this.purpose === 'accounting' ? 'accounting' : 'server'}-${this.name}`
  }

  /** Alive, or dead for so long that a request may try. */
  get available(): boolean {
    return !this.dead || this.parts.clock.monotonic() >= this.dead.retryAt
  }
  /** The same, for who does it then: to a dead server goes one from time to time. */
  claim(): boolean {
    const { available } = this
    if (this.dead && available) this.dead.retryAt = this.parts.clock.monotonic() + DEAD_MS
    return available
  }

  async ask(asked: Asked, limitMs: number, patient: boolean): Promise<Outcome> {
    const { clock } = this.parts
    const began = clock.monotonic()
    const outcome = await this.port.ask(asked, limitMs, patient)
    if (this.closed) return outcome
    if (typeof outcome === 'object') {
      this.revive()
      if (outcome.code === CODE.accessReject) this.pace.took(clock.monotonic() - began)
      // A person who does not take up the phone is no dead server, if others were answered meanwhile.
    } else if (outcome !== 'full' && this.port.answeredAt < began) this.bury(outcome)
    return outcome
  }

  close(): void {
    this.closed = true
    this.port.close()
    this.revive()
  }

  private bury(outcome: 'silent' | 'unreachable'): void {
    this.port.renew()
    const why = outcome === 'silent' ? 'does not answer' : `cannot be reached${this.port.problem === undefined ? '' : `: ${this.port.problem}`}`
    this.parts.health.raise(this.code, 'error', `RADIUS server ${this.name} ${why}${this.purpose === 'accounting' ? ' (accounting)' : ''}`)
    this.dead ??= { retryAt: this.parts.clock.monotonic() + DEAD_MS, probe: this.probeAfter(0) }
  }

  private revive(): void {
    this.dead?.probe.cancel()
    if (this.dead) this.parts.health.clear(this.code)
    this.dead = undefined
  }

  private probeAfter(ms: number): { cancel(): void } {
    let timer = this.parts.clock.after(ms, () => void probe())
    let over = false
    const probe = async (): Promise<void> => {
      const outcome: Outcome = await this.port.ask({ code: CODE.statusServer, attributes: () => [] }, PROBE_LIMIT_MS, false)
      if (over) return
      if (isAnswer(outcome)) return this.revive()
      this.port.renew()
      timer = this.parts.clock.after(PROBE_MS, () => void probe())
    }
    return {
      cancel: () => {
        over = true
        timer.cancel()
      },
    }
  }

  private unsigned(): void {
    if (this.told) return
    this.told = true
    this.parts.log.warn('an answer without Message-Authenticator was ignored', { server: this.name, demanded: this.config.requireMessageAuthenticator })
  }
}
const isAnswer = (outcome: Outcome): outcome is Packet => typeof outcome === 'object'
