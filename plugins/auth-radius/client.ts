import { flatten, type Found } from './attributes.ts'
import type { Asked } from './channel.ts'
import type { AuthRadiusConfig, ServerConfig } from './config.ts'
import { Server, type Purpose, type ServerParts } from './server.ts'

/** Requests under way; beyond it they are refused at once. */
export const MAX_UNDER_WAY = 2000

export interface RadiusRequest extends Asked {
  readonly purpose: Purpose
  /** Name of the server that has the State of a challenge: nobody else is asked. */
  readonly server?: string | undefined
}
export interface RadiusReply {
  readonly code: number
  readonly attributes: readonly Found[]
  /** Name and host of who answered. */
  readonly server: ServerConfig
}
export type ClientConfig = Pick<AuthRadiusConfig, 'server' | 'balance' | 'timeout'>

/** Asks the servers of the configuration: in order, or each in turn; the dead ones last. */
export class RadiusClient {
  private servers: Readonly<Record<Purpose, readonly Server[]>> = { authentication: [], accounting: [] }
  private turn = 0
  private underWay = 0
  private closed = false

  constructor(private config: ClientConfig, private readonly parts: ServerParts) {
    this.configure(config)
  }

  /** Servers that are as they were go on with what they know and have under way. */
  configure(config: ClientConfig): void {
    const before = this.servers
    this.config = config
    const make = (purpose: Purpose): readonly Server[] =>
      config.server.map((one) => before[purpose].find((old) => isSame(old.config, one)) ?? new Server(one, purpose, this.parts))
    this.servers = { authentication: make('authentication'), accounting: make('accounting') }
    for (const purpose of PURPOSES) for (const old of before[purpose]) if (!this.servers[purpose].includes(old)) old.close()
  }

  /** Undefined: nobody has answered in time, or too many requests are under way. */
  async exchange(request: RadiusRequest): Promise<RadiusReply | undefined> {
    const { counters } = this.parts
    if (this.underWay >= MAX_UNDER_WAY || this.closed) {
      counters.values.refused++
      return undefined
    }
    this.underWay++
    try {
      const order = this.order(request)
      for (const [at, server] of order.entries()) {
        const last = at === order.length - 1
        // Another request has just gone to see whether it has come back.
        if (!server.claim() && !last) continue
        const outcome = await server.ask(request, this.config.timeout * 1000, last)
        if (typeof outcome === 'object') return { code: outcome.code, attributes: flatten(outcome.attributes), server: server.config }
        if (this.closed) return undefined
      }
      counters.values.unanswered++
      return undefined
    } finally {
      this.underWay--
    }
  }

  /** How long a rejection lately took, milliseconds. */
  rejectionMs(): number {
    return this.servers.authentication[0]?.pace.one() ?? 0
  }

  close(): void {
    this.closed = true
    for (const purpose of PURPOSES) this.servers[purpose].forEach((server) => server.close())
  }

  private order({ purpose, server }: RadiusRequest): readonly Server[] {
    const all = this.servers[purpose]
    if (server !== undefined) return all.filter(({ name }) => name === server)
    const first = this.config.balance === 'round-robin' ? this.turn++ % all.length : 0
    const turned = [...all.slice(first), ...all.slice(0, first)]
    const alive = turned.filter(({ available }) => available)
    // All dead: each may have come back.
    return alive.length > 0 ? alive : turned
  }
}
const PURPOSES = ['authentication', 'accounting'] as const

const isSame = (a: ServerConfig, b: ServerConfig): boolean => JSON.stringify([a, a.secret.reveal()]) === JSON.stringify([b, b.secret.reveal()])
