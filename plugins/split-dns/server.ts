import type { Clock, Health, Logger } from '../../core/api.ts'
import { serverText, type ServerAddress } from './config.ts'
import type { Exchanges } from './exchanges.ts'
import { CLASS_IN, FLAG, HEADER } from './query.ts'

/** Unanswered questions in a row after which a server counts as dead. */
export const MAX_FAILURES = 3
/** A dead server is asked so often whether it is back. */
export const PROBE_MS = 5000
const PROBE_LIMIT_MS = 1000
const NS = 2

/** Which of its failures a server has had, and whether questions go there. */
export class Server {
  readonly text: string
  answers = 0
  failures = 0
  private inARow = 0
  /** Wall clock, ms. */
  deadSince: number | undefined
  private probe: { cancel(): void } | undefined
  private closed = false

  constructor(readonly address: ServerAddress, private readonly parts: { readonly clock: Clock; readonly exchanges: Exchanges; readonly health: Health; readonly log: Logger }) {
    this.text = serverText(address)
  }

  get dead(): boolean {
    return this.deadSince !== undefined
  }

  answered(): void {
    this.answers++
    this.inARow = 0
    if (!this.dead) return
    this.deadSince = undefined
    this.probe?.cancel()
    this.parts.health.clear(this.code)
    this.parts.log.info('dns server answers again', { server: this.text })
  }

  failed(): void {
    this.failures++
    if (++this.inARow < MAX_FAILURES || this.dead || this.closed) return
    this.deadSince = this.parts.clock.now()
    this.parts.health.raise(this.code, 'warning', `the DNS server ${this.text} does not answer`)
    this.parts.log.warn('dns server does not answer', { server: this.text })
    this.ask()
  }

  /** It is not configured any more. */
  close(): void {
    this.closed = true
    this.probe?.cancel()
    this.parts.health.clear(this.code)
  }

  private get code(): string {
    return `split-dns-server-${this.text}`
  }

  private ask(): void {
    this.probe = this.parts.clock.after(PROBE_MS, () => {
      void this.parts.exchanges.udp(this.address, ROOT, PROBE_LIMIT_MS).then((outcome) => {
        if (this.closed || !this.dead) return
        if (typeof outcome === 'string') this.ask()
        else this.answered()
      })
    })
  }
}

/** The servers of the root: every server has an answer, if only a refusal. */
const ROOT = { forward: rootQuery(), question: { name: '.', type: NS, class: CLASS_IN, end: HEADER + 5 } }
function rootQuery(): Buffer {
  const query = Buffer.alloc(HEADER + 5)
  query.writeUInt16BE(FLAG.RD, 2)
  query.writeUInt16BE(1, 4)
  query.writeUInt16BE(NS, HEADER + 1)
  query.writeUInt16BE(CLASS_IN, HEADER + 3)
  return query
}
