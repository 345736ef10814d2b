import { STATUS_CODES } from 'node:http'
import type { ConnectionHandle, ConnectionInfo, ConnectionListener, HttpAnswer, HttpRequest } from '../../core/api.ts'
import { ConnectionPlaces } from './connection-places.ts'
import { isTunnelPath } from './connect-request.ts'
import type { Counters } from './counters.ts'
import { refusalHead } from './headers.ts'
import { answerBytes, CONTINUE } from './http-answer.ts'
import { PortConnection, type ConnectionOwner, type ConnectionPlane } from './port-connection.ts'
import { BodyRoom } from './request-body.ts'
import { admit, expectsContinue, pathOf, REQUEST_LIMITS } from './request-guard.ts'
import type { Refusal, RequestHead } from './request-head.ts'

/** What the port does with requests that passed the guard. */
export interface PortHandler {
  /** Never rejects. */
  request(request: HttpRequest): Promise<HttpAnswer>
  /** The request is for another host than the connection. */
  misdirected(head: RequestHead, connection: PortConnection): boolean
  /** Hands the connection over or ends it, within the call. `early`: what came behind the head; it dies with the call. */
  connect(head: RequestHead, connection: PortConnection, early: Uint8Array): void
}

export interface PortOptions {
  readonly headersTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly checkingIntervalMs?: number
  readonly bodyRoom?: number | undefined
  /** Monotonic, ms. */
  readonly now?: () => number
}

/** HTTP on connections of the data plane, until they become tunnels. */
export class VpnPort implements ConnectionListener, ConnectionOwner {
  private readonly connections = new Map<ConnectionHandle, PortConnection>()
  private readonly places: ConnectionPlaces
  private readonly room: BodyRoom
  private readonly limits: typeof REQUEST_LIMITS
  private readonly now: () => number
  private readonly timer: NodeJS.Timeout

  constructor(
    private readonly plane: ConnectionPlane,
    private readonly handler: PortHandler,
    private readonly counters: Counters,
    options: PortOptions = {},
  ) {
    const { now = () => performance.now(), bodyRoom, ...times } = options
    this.now = now
    this.limits = { ...REQUEST_LIMITS, ...times } as typeof REQUEST_LIMITS
    this.room = new BodyRoom(bodyRoom)
    this.places = new ConnectionPlaces(REQUEST_LIMITS, now)
    this.timer = setInterval(() => this.look(), this.limits.checkingIntervalMs)
    this.timer.unref()
  }

  /** Connections that have not become tunnels. */
  get size(): number {
    return this.connections.size
  }

  connection(info: ConnectionInfo): void {
    const connection = new PortConnection(this.plane, info, this, this.room, this.limits, this.now)
    this.connections.set(info.handle, connection)
    const crowdedOut = this.places.add(connection)
    if (crowdedOut) {
      this.counters.crowdedOut++
      crowdedOut.destroy()
    }
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
    clearInterval(this.timer)
    for (const connection of this.connections.values()) connection.destroy()
  }

  // --- from its connections

  head(connection: PortConnection, head: RequestHead, rest: Uint8Array): number | 'chunked' | undefined {
    this.counters.requests++
    this.places.touch(connection)
    const framing = admit(head)
    if (typeof framing === 'object') {
      this.refuse(connection, framing)
      return undefined
    }
    if (this.handler.misdirected(head, connection)) {
      this.refuse(connection, { status: 421, reason: 'another host' })
      return undefined
    }
    if (head.method === 'CONNECT') {
      if (isTunnelPath(head.target)) this.handler.connect(head, connection, rest)
      else this.refuse(connection, { status: 404, reason: 'no tunnel' })
      return undefined
    }
    if (expectsContinue(head)) connection.interim(CONTINUE)
    return framing
  }

  request(connection: PortConnection, head: RequestHead, body: Uint8Array): void {
    const { method, target, headers, version } = head
    const request: HttpRequest = { method, target, path: pathOf(target), headers, body, connection: connection.info, connected: () => connection.alive }
    void this.handler.request(request).then((answer) => {
      const ends = answer.close === true || version !== '1.1' || (headers.get('connection') ?? []).some((value) => /\bclose\b/i.test(value))
      connection.answer(answerBytes(answer, ends, method === 'HEAD'), ends)
    })
  }

  broken(connection: PortConnection, refusal: Refusal): void {
    this.refuse(connection, refusal)
  }

  pipelined(connection: PortConnection): void {
    // Proxies would smuggle with it.
    this.counters.refusedRequests++
    connection.destroy()
  }

  left(connection: PortConnection): void {
    this.connections.delete(connection.info.handle)
    this.places.delete(connection)
  }

  private refuse(connection: PortConnection, { status }: Refusal): void {
    this.counters.refusedRequests++
    connection.end(refusalHead(`${status} ${STATUS_CODES[status] ?? ''}`, status === 405 ? [['Allow', 'GET, HEAD, POST, CONNECT']] : []))
  }

  private look(): void {
    const now = this.now()
    for (const connection of this.connections.values()) connection.look(now)
  }
}
