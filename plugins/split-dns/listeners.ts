import type { Clock, DeviceListener, GatewayConfig, Health } from '../../core/api.ts'
import { DNS_PORT } from './config.ts'
import { gatewayAddresses } from './gateway-addresses.ts'
import { TcpListener, type TcpParts } from './tcp-listener.ts'
import { UdpListener } from './udp-listener.ts'

const CODE = 'split-dns-listen'
/** How soon an address that could not be bound is tried again. */
export const RETRY_MS = 10_000

export interface ListenersParts extends TcpParts {
  readonly clock: Clock
  readonly config: Pick<GatewayConfig, 'pools'>
  readonly health: Health
}
interface Bound {
  close(): Promise<void>
}

/** The resolver on the gateway's own addresses, for as long as the TUN device stands. */
export class Listeners implements DeviceListener {
  private readonly bound = new Map<string, Bound>()
  private up = false
  private wanted: readonly string[] = []
  private retry: { cancel(): void } | undefined
  private turn: Promise<void> = Promise.resolve()

  constructor(private readonly parts: ListenersParts, private readonly port = DNS_PORT) {}

  /** Bound addresses, in the order of the pools. */
  get addresses(): readonly string[] {
    return [...this.bound.keys()]
  }

  async deviceUp(): Promise<void> {
    this.up = true
    await this.follow()
  }

  async deviceDown(): Promise<void> {
    this.up = false
    await this.follow()
  }

  /** The pools may have changed: what a client of a new one asks at must be there before it asks. */
  notice(): void {
    if (this.up && gatewayAddresses(this.parts.config).join() !== this.wanted.join()) void this.follow()
  }

  /** Binds what is missing and gives up what no pool has any more; one after the other. */
  follow(): Promise<void> {
    this.turn = this.turn.then(() => this.bind())
    return this.turn
  }

  private async bind(): Promise<void> {
    const { config, health, clock, log } = this.parts
    this.retry?.cancel()
    const wanted = this.up ? gatewayAddresses(config) : []
    this.wanted = wanted
    for (const [address, listener] of this.bound) {
      if (wanted.includes(address)) continue
      this.bound.delete(address)
      await listener.close()
    }
    const missing: string[] = []
    for (const address of wanted.filter((address) => !this.bound.has(address))) {
      try {
        this.bound.set(address, await this.open(address))
        log.info('dns resolver listens', { address })
      } catch (error) {
        missing.push(`${address} ${reason(error)}`)
      }
    }
    if (missing.length === 0) return health.clear(CODE)
    health.raise(CODE, 'error', `no DNS resolver on port ${this.port}: ${missing.join('; ')}`)
    this.retry = clock.after(RETRY_MS, () => void this.follow())
    return undefined
  }

  private async open(address: string): Promise<Bound> {
    const udp = await UdpListener.open(address, this.port, this.parts.resolver, this.parts.log)
    try {
      const tcp = await TcpListener.open(address, this.port, this.parts)
      return { close: async () => void (await Promise.all([udp.close(), tcp.close()])) }
    } catch (error) {
      await udp.close()
      throw error
    }
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return 'is in use by another program'
  if (code === 'EACCES') return 'needs the right to bind low ports'
  return code === 'EADDRNOTAVAIL' ? 'is not on the device' : message
}
