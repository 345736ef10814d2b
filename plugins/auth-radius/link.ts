import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import { checkServerIdentity, connect, type ConnectionOptions } from 'node:tls'
import { readWhole } from '../../core/api.ts'
import type { TlsFiles } from './config.ts'
import { PacketFramer } from './packet-framer.ts'

/** A way to a server. What is sent before it stands waits in it. */
export interface Link {
  /** Nothing is sent twice. */
  readonly reliable: boolean
  send(packet: Buffer): void
  close(): void
}
export interface LinkEvents {
  received(datagram: Buffer): void
  /** Once, unless it is closed before; nothing comes any more. */
  broken(reason: string): void
}

/** A socket with a port that the kernel picks at random; only what comes from the server's address and port gets in. */
export function udpLink(address: string, port: number, events: LinkEvents): Link {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })
  let early: Buffer[] | undefined = []
  // A refusal by ICMP is told of a later send.
  socket.on('error', (error) => events.broken(error.message))
  socket.on('message', (bytes) => events.received(bytes))
  socket.on('connect', () => {
    const queued = early ?? []
    early = undefined
    queued.forEach((packet) => socket.send(packet))
  })
  socket.connect(port, address)
  return { reliable: false, send: (packet) => void (early ? early.push(packet) : socket.send(packet)), close: () => void socket.close() }
}

const MAX_PEM = 1 << 20
const pem = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readWhole(path, MAX_PEM).bytes)

/** RadSec (RFC 6614). The files are read at each connection, so that new ones need no reload. Throws FileRefusal. */
export function tlsOptions(files: TlsFiles): ConnectionOptions {
  const [ca, cert, key] = [pem(files.ca), pem(files.certificate), pem(files.key)]
  return {
    minVersion: 'TLSv1.2', ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }),
    ...(isIP(files.name) === 0 && { servername: files.name }), checkServerIdentity: (_, certificate) => checkServerIdentity(files.name, certificate),
  }
}

export function tlsLink(address: string, port: number, files: TlsFiles, events: LinkEvents): Link {
  const socket = connect({ host: address, port, ...tlsOptions(files) })
  const framer = new PacketFramer()
  let reason = 'the server has closed the connection'
  socket.setKeepAlive(true, 30_000)
  socket.setNoDelay(true)
  socket.on('error', ({ message }: Error) => (reason = message))
  socket.on('close', () => events.broken(reason))
  socket.on('data', (chunk: Buffer) => {
    const packets = framer.push(chunk)
    if (!packets) reason = 'the server sent what is no RADIUS packet'
    if (!packets) return void socket.destroy()
    packets.forEach((packet) => events.received(packet))
  })
  return { reliable: true, send: (packet) => void socket.write(packet), close: () => void socket.destroy() }
}
