import { createSocket, type Socket } from 'node:dgram'
import { formatEndpoint, type Clock, type Health, type Logger } from '../../core/api.ts'

const RETRY_MS = 10_000
const CODE = 'RADIUS_DISCONNECT_LISTEN'

interface Endpoint {
  readonly address: string
  readonly port: number
}
export interface ListenerParts {
  readonly clock: Clock
  readonly health: Health
  readonly log: Logger
  /** The answer to a datagram from that address, or none. */
  handle(datagram: Uint8Array, source: string): Uint8Array | undefined
}

/** The UDP sockets of `disconnect-listen`. One that cannot be bound is a health entry and is tried again. */
export class DynamicListener {
  private readonly sockets = new Map<string, Socket>()
  private wanted: readonly Endpoint[] = []
  private retry: { cancel(): void } | undefined

  constructor(private readonly parts: ListenerParts) {}

  get endpoints(): readonly Endpoint[] {
    return [...this.sockets.values()].map((socket) => socket.address())
  }

  /** Resolves when every socket is bound or known not to be. */
  async listen(wanted: readonly Endpoint[]): Promise<void> {
    this.wanted = wanted
    this.retry?.cancel()
    const keys = wanted.map(keyOf)
    await Promise.all([...this.sockets].filter(([key]) => !keys.includes(key)).map(([key, socket]) => {
      this.sockets.delete(key)
      return closed(socket)
    }))
    const failures = (await Promise.all(wanted.filter((one) => !this.sockets.has(keyOf(one))).map((one) => this.open(one)))).flatMap((failure) => failure ?? [])
    if (failures.length === 0) return this.parts.health.clear(CODE)
    this.parts.health.raise(CODE, 'error', `CoA and Disconnect-Requests cannot be taken: ${failures.join('; ')}`)
    this.retry = this.parts.clock.after(RETRY_MS, () => void this.listen(this.wanted))
  }
  async close(): Promise<void> {
    this.retry?.cancel()
    const all = [...this.sockets.values()]
    this.sockets.clear()
    await Promise.all(all.map(closed))
  }

  private async open(endpoint: Endpoint): Promise<string | undefined> {
    const { address, port } = endpoint
    const socket = createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
    const failure = await new Promise<string | undefined>((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(`${keyOf(endpoint)}: ${error.code ?? error.message}`))
      socket.bind({ address, port, exclusive: true }, () => resolve(undefined))
    })
    if (failure !== undefined) {
      await closed(socket)
      return failure
    }
    socket.removeAllListeners('error')
    socket.on('error', (error) => this.parts.log.warn('disconnect-listen', { address: keyOf(endpoint), error }))
    socket.on('message', (datagram, peer) => this.received(socket, datagram, peer))
    this.sockets.set(keyOf(endpoint), socket)
    return undefined
  }

  private received(socket: Socket, datagram: Buffer, peer: Endpoint): void {
    try {
      const answer = this.parts.handle(datagram, peer.address)
      // A server that has gone is no error of ours.
      if (answer) socket.send(answer, peer.port, peer.address, () => undefined)
    } catch (error) {
      this.parts.log.error('CoA or Disconnect-Request', { error })
    }
  }
}

const keyOf = ({ address, port }: Endpoint): string => formatEndpoint(address, port)
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()))
