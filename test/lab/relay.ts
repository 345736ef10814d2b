import { connect as connectUnix, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { Service } from './command.ts'
import { GATEWAY, type Host, type Lab } from './lab.ts'

let count = 0

/** Sockets of this process that begin inside a client's namespace. */
export class Relay {
  private constructor(readonly path: string, readonly service: Service) {}

  static async start(lab: Lab, host: Host): Promise<Relay> {
    const path = join(lab.folder, `relay-${count++}`)
    const service = new Service([process.execPath, resolve(import.meta.dirname, 'peers/relay.mjs'), path], { namespace: host.namespace })
    lab.onReset(() => service.stop())
    await service.until('listening', () => service.stdout.includes('listening'))
    return new Relay(path, service)
  }

  /** A TCP connection from the namespace to `address`. */
  async tcp(address: string = GATEWAY.ipv4, port = 443): Promise<Socket> {
    const socket = connectUnix({ path: this.path, allowHalfOpen: true })
    socket.write(`${address} ${port}\n`)
    await new Promise<void>((done, fail) => {
      socket.once('error', fail)
      socket.once('readable', () => {
        if (socket.read(1) === null) fail(new Error(`connection to ${address} port ${port} refused`))
        else {
          socket.off('error', fail)
          done()
        }
      })
    })
    return socket
  }

  async tls(options: ConnectionOptions & { readonly address?: string } = {}): Promise<TLSSocket> {
    const { address = GATEWAY.ipv4, ...rest } = options
    const socket = await this.tcp(address)
    const tls = connectTls({ socket, rejectUnauthorized: false, ...rest })
    await new Promise<void>((done, fail) => {
      tls.once('secureConnect', () => {
        tls.off('error', fail)
        done()
      })
      tls.once('error', fail)
    })
    return tls
  }
}
