import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { ConnectionHandle, ConnectionInfo, ConnectionListener } from '../../core/api.ts'
import { ConnectionDuplex, type ConnectionPlane } from './connection-duplex.ts'
import { ConnectionPlaces } from './connection-places.ts'
import { isTunnelPath } from './connect-request.ts'
import type { Counters } from './counters.ts'
import { refusalHead } from './headers.ts'
import { REQUEST_LIMITS, requestRefusal } from './request-guard.ts'

/** What the port does with requests that passed the guard. */
export interface PortHandler {
  request(request: IncomingMessage, response: ServerResponse, duplex: ConnectionDuplex): Promise<void>
  connect(request: IncomingMessage, duplex: ConnectionDuplex, head: Uint8Array): void
}

export interface PortOptions {
  readonly headersTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly checkingIntervalMs?: number
  /** Monotonic, ms. */
  readonly now?: () => number
}

// node 20 has them, its types do not.
type HttpServer = Server & { httpAllowHalfOpen: boolean }
type BusySocket = { readonly _httpMessage?: unknown }

/**
 * node's http on connections of the data plane: a server that never listens, made to believe that it does, so that its
 * timeouts exist (reference/border sections 1 and 8).
 */
export class VpnPort implements ConnectionListener {
  private readonly connections = new Map<ConnectionHandle, ConnectionDuplex>()
  private readonly places: ConnectionPlaces
  private readonly server: HttpServer

  constructor(
    private readonly plane: ConnectionPlane,
    private readonly handler: PortHandler,
    private readonly counters: Counters,
    options: PortOptions = {},
  ) {
    this.places = new ConnectionPlaces(REQUEST_LIMITS, (duplex) => Boolean((duplex as BusySocket)._httpMessage), options.now ?? (() => performance.now()))
    const server = createServer({
      maxHeaderSize: REQUEST_LIMITS.headBytes,
      insecureHTTPParser: false,
      // The guard counts what it refuses.
      requireHostHeader: false,
      headersTimeout: options.headersTimeoutMs ?? REQUEST_LIMITS.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs ?? REQUEST_LIMITS.requestTimeoutMs,
      keepAliveTimeout: REQUEST_LIMITS.keepAliveTimeoutMs,
      connectionsCheckingInterval: options.checkingIntervalMs ?? REQUEST_LIMITS.checkingIntervalMs,
    }) as HttpServer
    // node would drop what is beyond the count in silence; the guard refuses it.
    server.maxHeadersCount = 0
    // Else the answer to a client that sends FIN behind its request is lost.
    server.httpAllowHalfOpen = true
    server.on('request', (request, response) => this.onRequest(request, response))
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => this.onRequest(request, response, true))
    server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
      this.counters.refusedRequests++
      refuse(response, 417)
    })
    server.on('connect', (request, socket, head) => this.onConnect(request, socket as unknown as ConnectionDuplex, head))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.onClientError(error, socket as unknown as ConnectionDuplex))
    this.server = server
    server.emit('listening')
  }

  /** Connections that have not become tunnels. */
  get size(): number {
    return this.connections.size
  }

  connection(info: ConnectionInfo): void {
    const duplex = new ConnectionDuplex(this.plane, info)
    this.connections.set(info.handle, duplex)
    duplex.once('close', () => {
      this.connections.delete(info.handle)
      this.places.delete(duplex)
    })
    const crowdedOut = this.places.add(duplex)
    if (crowdedOut) {
      this.counters.crowdedOut++
      crowdedOut.destroy()
    }
    this.server.emit('connection', duplex)
  }
  data(handle: ConnectionHandle, seq: number, bytes: Uint8Array): void {
    this.connections.get(handle)?.receive(seq, bytes)
  }
  end(handle: ConnectionHandle): void {
    this.connections.get(handle)?.receiveEnd()
  }
  closed(handle: ConnectionHandle): void {
    this.connections.get(handle)?.receiveClosed()
  }
  flushed(handle: ConnectionHandle): void {
    this.connections.get(handle)?.receiveFlushed()
  }

  /** Cuts off every connection; tunnels are not among them. */
  close(): void {
    this.server.close()
    this.server.closeAllConnections()
    for (const duplex of this.connections.values()) duplex.destroy()
  }

  private onRequest(request: IncomingMessage, response: ServerResponse, expects = false): void {
    const duplex = request.socket as unknown as ConnectionDuplex
    this.counters.requests++
    this.places.touch(duplex)
    if ((duplex as BusySocket)._httpMessage !== response) {
      // A second request before the first was answered: node would serve it, and proxies would smuggle with it.
      this.counters.refusedRequests++
      duplex.destroy()
      return
    }
    const refusal = requestRefusal(request)
    if (refusal) {
      this.counters.refusedRequests++
      refuse(response, refusal.status)
      return
    }
    if (expects) response.writeContinue()
    void this.handler.request(request, response, duplex)
  }

  private onConnect(request: IncomingMessage, duplex: ConnectionDuplex, head: Uint8Array): void {
    this.counters.requests++
    // http has taken its own listeners away, and a late 'error' without one ends the process.
    duplex.on('error', () => duplex.destroy())
    duplex.hold()
    if ((duplex as BusySocket)._httpMessage) {
      this.counters.refusedRequests++
      duplex.destroy()
      return
    }
    const refusal = requestRefusal(request) ?? (isTunnelPath(request.url ?? '') ? undefined : { status: 404 })
    if (refusal) {
      this.counters.refusedRequests++
      duplex.end(refusalHead(`${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`))
      duplex.destroySoon()
      return
    }
    this.handler.connect(request, duplex, head)
  }

  // Broken requests and those that take too long.
  private onClientError(error: NodeJS.ErrnoException, duplex: ConnectionDuplex): void {
    if (duplex.destroyed || duplex.writableEnded) return
    this.counters.refusedRequests++
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    const answering = (duplex as BusySocket)._httpMessage as ServerResponse | undefined
    if (answering?.headersSent) {
      duplex.destroy()
      return
    }
    duplex.end(refusalHead(`${status} ${STATUS_CODES[status] ?? ''}`))
    duplex.destroySoon()
  }
}

/** An answer without content, after which the connection ends. */
export function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, {
    'X-Transcend-Version': '1',
    'Content-Length': '0',
    Connection: 'close',
    ...(status === 405 ? { Allow: 'GET, HEAD, POST, CONNECT' } : {}),
  })
  response.end()
}
