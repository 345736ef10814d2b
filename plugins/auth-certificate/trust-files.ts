import { statSync } from 'node:fs'
import { GatewayError, type Clock, type Health, type Logger } from '../../core/api.ts'
import type { AuthCertificateConfig } from './config.ts'
import { readAuthorities, readLists } from './pem-blocks.ts'
import type { Trust, TrustParts } from './trust.ts'

const LOOK_MS = 60_000

/** What else is believed beside the files: the gateway's own authority, lists that were fetched. */
export interface OtherTrust {
  parts(): TrustParts
}
export interface TrustFilesParts {
  readonly trust: Trust
  /** Of second certificates. */
  readonly second: Trust
  readonly others: readonly OtherTrust[]
  readonly clock: Clock
  readonly health: Health
  readonly log: Logger
}

/** Keeps the trust as the files say it: read at the start, at a reload, and when one of them has changed. */
export class TrustFiles {
  private timer: { cancel(): void } | undefined
  private seen = ''

  constructor(
    private readonly parts: TrustFilesParts,
    private config: AuthCertificateConfig,
  ) {}

  start(): void {
    this.look(true)
  }
  stop(): void {
    this.timer?.cancel()
  }

  /** Throws `TLS_CERTIFICATE` and has changed nothing. */
  take(config: AuthCertificateConfig): void {
    this.load(config)
    this.config = config
  }
  /** Something beside the files has changed, or may have. What cannot be read leaves the old in force. */
  refresh(): void {
    const { health, log } = this.parts
    try {
      this.load(this.config)
      this.remark()
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      health.raise('CLIENT_CERTIFICATES', 'error', `${error.message}; ${this.parts.trust.authorities() === undefined ? 'logins by certificate are refused' : 'what was there before stays in force'}`)
      log.error('authorities and revocation lists of clients cannot be read', { reason: error.message })
    }
  }

  private load(config: AuthCertificateConfig): void {
    const seen = this.state(config)
    const parts: TrustParts[] = [
      { authorities: config.ca.map(readAuthorities).join(''), lists: config.crl.flatMap(readLists) },
      ...this.parts.others.map((other) => other.parts()),
    ]
    const authorities = parts.map((one) => one.authorities).join('')
    const lists = parts.flatMap((one) => one.lists)
    const { trust, second } = this.parts
    const ready = [prepared(trust, { authorities, lists }), prepared(second, { authorities: config['second-ca'].map(readAuthorities).join(''), lists })]
    for (const use of ready) use()
    this.seen = seen
  }

  private look(first = false): void {
    if (first || this.state(this.config) !== this.seen) this.refresh()
    else this.remark()
    this.timer = this.parts.clock.after(LOOK_MS, () => this.look())
  }

  /** A list that ends is told while it can still be replaced. */
  private remark(): void {
    const { clock, health, trust } = this.parts
    const { nextUpdate } = trust
    if (nextUpdate === undefined || nextUpdate > clock.now()) return health.clear('CLIENT_CERTIFICATES')
    const meaning = this.config['crl-stale'] === 'refuse' ? 'logins with certificates of its authority are refused' : 'it counts all the same'
    health.raise('CLIENT_CERTIFICATES', this.config['crl-stale'] === 'refuse' ? 'error' : 'warning', `a revocation list is stale since ${new Date(nextUpdate).toISOString()}: ${meaning}`)
  }

  private state({ ca, crl, 'second-ca': second }: AuthCertificateConfig): string {
    return [...ca, ...crl, ...second].map((file) => {
      try {
        const { mtimeMs, size, ino } = statSync(file)
        return `${file} ${mtimeMs} ${size} ${ino}`
      } catch (error) {
        return `${file} ${String((error as NodeJS.ErrnoException).code)}`
      }
    }).join('\n')
  }
}

const prepared = (trust: Trust, parts: TrustParts): (() => void) => (parts.authorities === '' ? () => trust.none() : trust.prepare(parts))
