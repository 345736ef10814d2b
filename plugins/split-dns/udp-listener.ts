import { createSocket, type Socket } from 'node:dgram'
import type { Logger } from '../../core/api.ts'
import type { Resolver } from './resolver.ts'

/** Takes queries as datagrams on one address. */
export class UdpListener {
  private constructor(private readonly socket: Socket) {}

  /** Rejects with the system's error when it cannot be bound. */
  static async open(address: string, port: number, resolver: Resolver, log: Logger): Promise<UdpListener> {
    const socket = createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', reject)
        resolve()
      })
    }).catch((error: unknown) => {
      socket.close()
      throw error
    })
    const listener = new UdpListener(socket)
    socket.on('error', (error) => log.warn('dns socket', { address, error }))
    socket.on('message', (message, peer) => {
      resolver.answer(message, peer.address, 'udp').then(
        // A client that has gone is no error of ours.
        (answer) => answer && listener.open && socket.send(answer, peer.port, peer.address, () => undefined),
        (error: unknown) => log.error('dns query', { error }),
      )
    })
    return listener
  }

  get port(): number {
    return this.socket.address().port
  }

  private open = true
  close(): Promise<void> {
    this.open = false
    return new Promise((resolve) => this.socket.close(() => resolve()))
  }
}
