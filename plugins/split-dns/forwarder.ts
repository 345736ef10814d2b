import type { Clock, Health, Logger } from '../../core/api.ts'
import type { Answer } from './answer.ts'
import { serverText, type ServerAddress } from './config.ts'
import type { Asked, Exchanges, Outcome } from './exchanges.ts'
import { RCODE } from './query.ts'
import { Server } from './server.ts'

/** For a question in all. */
export const DEADLINE_MS = 5000
/** For a server in the first round; twice that in the next, and so on. */
export const FIRST_WAIT_MS = 700

export interface Answered {
  readonly answer: Answer
  /** Which one said it. */
  readonly server: string
}

/** Asks the servers of a route one after the other, those that are known to be dead last, until one has an answer. */
export class Forwarder {
  private servers = new Map<string, Server>()
  private closed = false

  constructor(private readonly parts: { readonly clock: Clock; readonly exchanges: Exchanges; readonly health: Health; readonly log: Logger }) {}

  /** The servers there are; what is known of those that stay is kept. */
  configure(addresses: readonly ServerAddress[]): void {
    const servers = new Map(addresses.map((address) => {
      const text = serverText(address)
      return [text, this.servers.get(text) ?? new Server(address, this.parts)]
    }))
    for (const [text, server] of this.servers) if (!servers.has(text)) server.close()
    this.servers = servers
  }
  close(): void {
    this.closed = true
    this.configure([])
  }
  list(): readonly Server[] {
    return [...this.servers.values()]
  }

  /** undefined: nobody answered in time. A server's SERVFAIL or REFUSED is the answer only when no other server has a better one. */
  async resolve(asked: Asked, addresses: readonly ServerAddress[]): Promise<Answered | undefined> {
    const { clock } = this.parts
    const end = clock.monotonic() + DEADLINE_MS
    const servers = addresses.flatMap((address) => this.servers.get(serverText(address)) ?? [])
    const turned = new Set<Server>()
    let poor: Answered | undefined
    for (let wait = FIRST_WAIT_MS; ; wait *= 2) {
      const alive = servers.filter((server) => !server.dead)
      const round = (alive.length > 0 ? alive : servers).filter((server) => !turned.has(server))
      if (round.length === 0) return poor
      for (const server of round) {
        const left = end - clock.monotonic()
        if (left <= 0 || this.closed) return poor
        const answer = await this.ask(server, asked, Math.min(wait, left), end)
        if (!answer) continue
        const answered = { answer, server: server.text }
        if (answer.rcode !== RCODE.SERVFAIL && answer.rcode !== RCODE.REFUSED) return answered
        poor ??= answered
        turned.add(server)
      }
      // Refused connections cost no time: no busy loop.
      if (clock.monotonic() < end) await new Promise<void>((done) => void clock.after(Math.min(wait / 4, end - clock.monotonic()), done))
    }
  }

  private async ask(server: Server, asked: Asked, limitMs: number, end: number): Promise<Answer | undefined> {
    const { exchanges, clock } = this.parts
    let outcome: Outcome = await exchanges.udp(server.address, asked, limitMs)
    if (outcome === 'mismatched' || (typeof outcome !== 'string' && outcome.truncated)) {
      outcome = await exchanges.tcp(server.address, asked, Math.max(1, Math.min(2 * FIRST_WAIT_MS, end - clock.monotonic())))
    }
    if (typeof outcome === 'string') {
      server.failed()
      return undefined
    }
    server.answered()
    return outcome
  }
}
