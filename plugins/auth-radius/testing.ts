import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Secret } from '../../core/api.ts'
import type { ServerConfig } from './config.ts'
import { decodePacket, encodeResponse, type Packet, type ResponseParts } from './packet.ts'

export const SECRET = 'testing123'

/** A server by script on a real UDP socket: what the script returns is sent, in order. */
export class ScriptedServer {
  readonly requests: Packet[] = []
  private constructor(readonly socket: Socket, script: (request: Packet, times: number) => readonly Uint8Array[]) {
    socket.on('message', (bytes, peer: RemoteInfo) => {
      const request = decodePacket(bytes)
      if (!request) return
      this.requests.push(request)
      const times = this.requests.filter((other) => other.bytes.equals(request.bytes)).length
      for (const answer of script(request, times)) socket.send(answer, peer.port, peer.address)
    })
  }
  static async listen(script: (request: Packet, times: number) => readonly Uint8Array[], port = 0): Promise<ScriptedServer> {
    const socket = createSocket('udp4')
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    return new ScriptedServer(socket, script)
  }
  get port(): number {
    return this.socket.address().port
  }
  config(more: Partial<ServerConfig> = {}): ServerConfig {
    return serverConfig(this.port, more)
  }
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(() => resolve()))
  }
}

export const serverConfig = (port: number, more: Partial<ServerConfig> = {}): ServerConfig => ({
  name: `127.0.0.1:${port}`, host: '127.0.0.1', port, accountingPort: port, secret: new Secret(SECRET), requireMessageAuthenticator: 'auto', tls: undefined, ...more,
})
/** An answer that is right, signed unless told otherwise. */
export const answerTo = (request: Packet, parts: ResponseParts, secret = SECRET): Buffer => encodeResponse(request, parts, Buffer.from(secret))
