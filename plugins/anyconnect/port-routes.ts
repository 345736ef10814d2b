import type { IncomingMessage, ServerResponse } from 'node:http'
import { randomBytes } from 'node:crypto'
import type { HttpRoute, Logger } from '../../core/api.ts'
import type { AggregateAuth, LoginAnswer, LoginRequest } from './aggregate-auth.ts'
import { clientFile } from './client-files.ts'
import type { ConnectionDuplex } from './connection-duplex.ts'
import { readCookies } from './cookies.ts'
import type { Counters } from './counters.ts'
import type { GroupChoice } from './group-choice.ts'
import { isBrowser, PORTAL_CSP, portalPage } from './portal.ts'
import { RequestBodies } from './request-body.ts'
import { pathOf } from './request-guard.ts'
import type { TunnelGate } from './tunnel-gate.ts'
import { refuse, type PortHandler } from './vpn-port.ts'

export interface PortRoutesParts {
  readonly auth: AggregateAuth
  readonly gate: TunnelGate
  readonly log: Logger
  readonly counters: Counters
  readonly gatewayName: string
  readonly groups: GroupChoice
  readonly routes: () => readonly HttpRoute[]
  /** Bytes of all bodies under way; absent: the bound of the README. */
  readonly bodyRoom?: number | undefined
}

/** Where a browser or a plain-form client enters (reference/protocol section 2.2). */
const ENTRANCES: ReadonlySet<string> = new Set(['/', '/+webvpn+/index.html', '/webvpn.html', '/+CSCOE+/logon.html'])
/** Block of Cisco's gateways (reference/cisco section 2.1). */
const COMMON: Readonly<Record<string, string>> = {
  'X-Transcend-Version': '1',
  'Cache-Control': 'no-store',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Content-Type-Options': 'nosniff',
  'Strict-Transport-Security': 'max-age=31536000',
  'Content-Security-Policy': PORTAL_CSP,
}

/** Who answers which request on the VPN port. */
export class PortRoutes implements PortHandler {
  private readonly bodies: RequestBodies

  constructor(private readonly parts: PortRoutesParts) {
    this.bodies = new RequestBodies(parts.bodyRoom)
  }

  async request(request: IncomingMessage, response: ServerResponse, duplex: ConnectionDuplex): Promise<void> {
    try {
      await this.dispatch(request, response, duplex)
    } catch (error) {
      const errorId = randomBytes(4).toString('hex')
      this.parts.log.error('request failed', { errorId, path: pathOf(request.url ?? '/'), peer: duplex.info.peer.address, error })
      if (response.headersSent) duplex.destroy()
      else this.send(request, response, 500, 'text/plain; charset=utf-8', `Internal error ${errorId}\n`)
    }
  }

  connect(request: IncomingMessage, duplex: ConnectionDuplex, head: Uint8Array): void {
    this.parts.gate.connect(request.rawHeaders, duplex, head)
  }

  private async dispatch(request: IncomingMessage, response: ServerResponse, duplex: ConnectionDuplex): Promise<void> {
    const path = pathOf(request.url ?? '/')
    const method = request.method ?? ''
    const route = this.parts.routes().find((entry) => entry.methods.includes(method) && (entry.prefix ? path.startsWith(entry.path) : path === entry.path))
    if (route) return route.handle(request, response, duplex.info)
    if (method === 'POST') return this.post(request, response, duplex, path)
    const file = clientFile(path)
    if (file) return this.send(request, response, 200, file.type, file.body)
    if (path === '/logout') return this.sendLogin(request, response, this.parts.auth.logout({ peer: duplex.info.peer }, cookiesOf(request).get('webvpn')), '<html></html>\n')
    if (!ENTRANCES.has(path) && !this.parts.groups.byPath(path)) return this.send(request, response, 404, 'text/html; charset=utf-8', '<html></html>\n')
    if (isBrowser(request.headers.accept, request.headers['user-agent'] ?? '')) {
      return this.send(request, response, 200, 'text/html; charset=utf-8', portalPage(this.addressOf(request)))
    }
    if (method === 'HEAD') return this.send(request, response, 200, 'text/html; charset=utf-8', '')
    return this.sendLogin(request, response, await this.parts.auth.answer(loginRequest(request, duplex, path, undefined)))
  }

  private async post(request: IncomingMessage, response: ServerResponse, duplex: ConnectionDuplex, path: string): Promise<void> {
    const body = await this.bodies.read(request)
    if (body === 'aborted') return
    if (body === 'too-long' || body === 'crowded') {
      this.parts.counters.refusedRequests++
      refuse(response, body === 'too-long' ? 413 : 503)
      return
    }
    try {
      const answer = await this.parts.auth.answer(loginRequest(request, duplex, path, body.bytes))
      this.sendLogin(request, response, answer)
    } finally {
      body.wipe()
    }
  }

  private sendLogin(request: IncomingMessage, response: ServerResponse, answer: LoginAnswer, body = answer.body): void {
    // text/html although it is XML: so do Cisco's gateways.
    this.send(request, response, answer.status, 'text/html; charset=utf-8', body, answer.cookies, answer.close)
  }

  private send(
    request: IncomingMessage, response: ServerResponse, status: number, type: string, body: string, cookies: readonly string[] = [], close = false,
  ): void {
    const ends = close || request.httpVersion !== '1.1' || /\bclose\b/i.test(request.headers.connection ?? '')
    response.writeHead(status, {
      'Content-Type': type,
      ...COMMON,
      'X-Aggregate-Auth': '1',
      'Content-Length': String(Buffer.byteLength(body)),
      Connection: ends ? 'close' : 'Keep-Alive',
      ...(cookies.length === 0 ? {} : { 'Set-Cookie': [...cookies] }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  // The address that brought the browser here works; the configured name may not.
  private addressOf(request: IncomingMessage): string {
    const host = request.headers.host ?? ''
    return /^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : this.parts.gatewayName
  }
}

const cookiesOf = (request: IncomingMessage): ReadonlyMap<string, string> => readCookies(request.headers.cookie)

const loginRequest = (request: IncomingMessage, duplex: ConnectionDuplex, path: string, body: Uint8Array | undefined): LoginRequest => ({
  peer: duplex.info.peer,
  path,
  userAgent: request.headers['user-agent'] ?? '',
  aggregate: request.headers['x-aggregate-auth'] !== undefined,
  cookies: cookiesOf(request),
  serverName: duplex.info.serverName,
  body,
  connected: () => !duplex.destroyed,
})
