import { isIP } from 'node:net'
import { formatAddress, parseAddress, type Clock } from '../../core/api.ts'
import type { ServerConfig } from './config.ts'

const NAMES_MS = 60_000

export interface SourceParts {
  readonly clock: Clock
  /** Of the configuration now. */
  servers(): readonly ServerConfig[]
  /** Every address of a name; throws what the resolver throws. */
  resolve(host: string): Promise<readonly string[]>
}

/** Who may send: the addresses of the configured servers. Names are looked up once a minute and never because of a datagram. */
export class DynamicSources {
  private readonly named = new Map<string, readonly string[]>()
  private timer: { cancel(): void } | undefined

  constructor(private readonly parts: SourceParts) {}

  async start(): Promise<void> {
    this.timer = this.parts.clock.after(NAMES_MS, () => void this.start())
    const names = this.parts.servers().filter(({ host, tls }) => isIP(host) === 0 && !tls).map(({ host }) => host)
    for (const name of this.named.keys()) if (!names.includes(name)) this.named.delete(name)
    await Promise.all(names.map(async (name) => {
      const addresses = await this.parts.resolve(name).catch(() => undefined)
      // A name that was known stays known while the resolver is away.
      if (addresses) this.named.set(name, addresses)
    }))
  }
  stop(): void {
    this.timer?.cancel()
  }

  /** Those with that address, as the socket says it. RadSec servers send over their connection, not from here. */
  at(address: string): readonly ServerConfig[] {
    const source = canonical(address)
    return this.parts.servers().filter(({ host, tls }) => !tls && (canonical(host) === source || (this.named.get(host) ?? []).some((one) => canonical(one) === source)))
  }
}

/** IPv4 also where a socket of both families writes it as IPv6. */
function canonical(text: string): string {
  const plain = text.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
  const address = parseAddress(plain)
  return address ? formatAddress(address) : text
}
