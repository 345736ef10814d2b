import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'

/** A TLS client on loopback, half-open on purpose: it reads answers after it has sent FIN. */
export class TlsClient {
  readonly #received: Buffer[] = []
  #reset = false
  ended = false
  failed = false

  private constructor(readonly tcp: Socket, readonly tls: TLSSocket) {
    tls.on('data', (bytes: Buffer) => this.#received.push(bytes))
    tls.on('end', () => (this.ended = true))
    tls.on('error', () => (this.failed = true))
    tls.on('close', () => (this.ended = true))
  }

  static async connect(port: number, options: ConnectionOptions & { readonly address?: string; readonly from?: string } = {}): Promise<TlsClient> {
    const { address = '127.0.0.1', from, ...rest } = options
    const tcp = connectTcp({ port, host: address, allowHalfOpen: true, noDelay: true, ...(from === undefined ? {} : { localAddress: from }) })
    const halfOpen = { allowHalfOpen: true } // known to TLSSocket, not to the type
    const tls = connectTls({ socket: tcp, rejectUnauthorized: false, ...halfOpen, ...rest })
    const client = new TlsClient(tcp, tls)
    tcp.on('error', (error) => client.#reset || tls.destroy(error))
    await new Promise<void>((done, fail) => {
      tls.once('secureConnect', () => done())
      tls.once('error', fail)
      tls.once('close', () => fail(new Error('closed before the handshake was over')))
    })
    return client
  }
  write(bytes: Uint8Array | string): void {
    this.tls.write(bytes)
  }
  end(): void {
    this.tls.end()
  }
  /** A TLSSocket over a socket that was reset must not be destroyed: node 20 crashes. */
  reset(): void {
    this.#reset = true
    this.tcp.resetAndDestroy()
  }
  pause(): void {
    this.tls.pause()
  }
  resume(): void {
    this.tls.resume()
  }
  received(): Buffer {
    return Buffer.concat(this.#received)
  }
  get channelBindings(): readonly Uint8Array[] {
    const finished = this.tls.getFinished() ?? Buffer.alloc(0)
    // Without a context, which the type does not know.
    return this.tls.getProtocol() === 'TLSv1.3' ? [finished, this.tls.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', undefined as never)] : [finished]
  }
  destroy(): void {
    if (this.#reset) return
    this.tls.destroy()
    this.tcp.destroy()
  }
}
