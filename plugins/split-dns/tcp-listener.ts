import { createServer, type Server, type Socket } from 'node:net'
import type { Clock, Logger } from '../../core/api.ts'
import type { Client, Clients } from './clients.ts'
import type { Counters } from './counters.ts'
import { MAX_QUERY } from './query.ts'
import type { Resolver } from './resolver.ts'
import { TcpConnection } from './tcp-connection.ts'

/** Connections of one session, and of all. */
export const MAX_CONNECTIONS_OF_CLIENT = 8
export const MAX_CONNECTIONS = 256

export interface TcpParts {
  readonly clients: Clients
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Logger
  readonly resolver: Resolver
}

/** Takes queries over TCP on one address. */
export class TcpListener {
  private readonly connections = new Set<TcpConnection>()
  private constructor(private readonly server: Server, private readonly parts: TcpParts) {}

  /** Rejects with the system's error when it cannot be bound. */
  static async open(address: string, port: number, parts: TcpParts): Promise<TcpListener> {
    const server = createServer({ noDelay: true, allowHalfOpen: true })
    const listener = new TcpListener(server, parts)
    server.on('connection', (socket) => listener.take(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: address, port, exclusive: true, ipv6Only: address.includes(':') }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    server.on('error', (error) => parts.log.warn('dns socket', { address, error }))
    return listener
  }

  get port(): number {
    return (this.server.address() as { port: number }).port
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const connection of this.connections) connection.end()
    await closed
  }

  private take(socket: Socket): void {
    const { clients, counters } = this.parts
    const from = socket.remoteAddress ?? ''
    const client: Client | undefined = clients.at(from)
    if (!client || client.connections >= MAX_CONNECTIONS_OF_CLIENT || this.connections.size >= MAX_CONNECTIONS) {
      counters.values[client ? 'connectionsRefused' : 'strangers']++
      // Nothing was read: nobody waits for a graceful end.
      socket.on('error', () => undefined)
      socket.resetAndDestroy()
      return
    }
    client.connections++
    const connection = new TcpConnection(socket, from, MAX_QUERY, this.parts, () => {
      client.connections--
      this.connections.delete(connection)
    })
    this.connections.add(connection)
  }
}
