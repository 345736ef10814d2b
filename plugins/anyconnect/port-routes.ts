import { randomBytes } from 'node:crypto'
import type { Barred, HttpAnswer, HttpRequest, HttpRoute, Logger } from '../../core/api.ts'
import type { AggregateAuth, LoginAnswer } from './aggregate-auth.ts'
import { clientFile } from './client-files.ts'
import { readCookies } from './cookies.ts'
import type { Counters } from './counters.ts'
import type { Header } from './headers.ts'
import { hostScanAnswer } from './host-scan.ts'
import { barredPage, isBrowser, PORTAL_CSP, portalPage } from './portal.ts'
import type { PortConnection } from './port-connection.ts'
import type { RequestHead } from './request-head.ts'
import type { TunnelGate } from './tunnel-gate.ts'
import type { VirtualHosts } from './virtual-hosts.ts'
import { printable } from './user-agent.ts'
import type { PortHandler } from './vpn-port.ts'

export interface PortRoutesParts {
  readonly auth: AggregateAuth
  readonly gate: TunnelGate
  readonly log: Logger
  readonly counters: Counters
  readonly hosts: VirtualHosts
  readonly routes: () => readonly HttpRoute[]
}

/** Where a browser or a plain-form client enters (reference/protocol section 2.2). */
const ENTRANCES: ReadonlySet<string> = new Set(['/', '/+webvpn+/index.html', '/webvpn.html', '/+CSCOE+/logon.html'])
/** Block of Cisco's gateways (reference/cisco section 2.1). */
const COMMON: readonly Header[] = [
  ['X-Transcend-Version', '1'],
  ['Cache-Control', 'no-store'],
  ['X-Frame-Options', 'SAMEORIGIN'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Strict-Transport-Security', 'max-age=31536000'],
  ['Content-Security-Policy', PORTAL_CSP],
  ['X-Aggregate-Auth', '1'],
]
const HTML = 'text/html; charset=utf-8'
const NOTHING = '<html></html>\n'

/** Who answers which request on the VPN port. */
export class PortRoutes implements PortHandler {
  constructor(private readonly parts: PortRoutesParts) {}

  async request(request: HttpRequest): Promise<HttpAnswer> {
    try {
      return await this.dispatch(request)
    } catch (error) {
      const errorId = randomBytes(4).toString('hex')
      this.parts.log.error('request failed', { errorId, path: request.path, peer: request.connection.peer.address, error })
      return page(500, 'text/plain; charset=utf-8', `Internal error ${errorId}\n`)
    }
  }

  misdirected(head: RequestHead, connection: PortConnection): boolean {
    return this.parts.hosts.misdirected(head, connection.info)
  }

  connect(head: RequestHead, connection: PortConnection, early: Uint8Array): void {
    this.parts.gate.connect(head, connection, early)
  }

  private dispatch(request: HttpRequest): HttpAnswer | Promise<HttpAnswer> {
    const { auth, hosts } = this.parts
    const { method, path } = request
    const route = this.parts.routes().find((entry) => entry.methods.includes(method) && (entry.prefix ? path.startsWith(entry.path) : path === entry.path))
    if (route) return (route.beginsLogin?.(request) === true ? this.turnedAway(request) : undefined) ?? route.handle(request)
    const scan = hostScanAnswer(path)
    if (scan) return page(200, scan.type, scan.body)
    if (method === 'POST') return this.login(request, request.body)
    const file = clientFile(path)
    if (file) return page(200, file.type, file.body)
    if (path === '/logout') return loginPage({ ...auth.logout({ peer: request.connection.peer }, cookiesOf(request).get('webvpn')), body: NOTHING })
    if (!ENTRANCES.has(path) && !hosts.at(request.connection).groups.byPath(path)) return page(404, HTML, NOTHING)
    const browser = isBrowser(header(request, 'accept'), header(request, 'user-agent') ?? '')
    if (!browser && method !== 'HEAD') return this.login(request, undefined)
    return this.turnedAway(request) ?? page(200, HTML, browser ? portalPage(this.addressOf(request)) : '')
  }

  private turnedAway(request: HttpRequest): HttpAnswer | undefined {
    const barred = this.parts.auth.barred(request, cookiesOf(request).get('webvpn'))
    return barred && refused(page(403, HTML, barredPage(barred.text)), barred)
  }

  private async login(request: HttpRequest, body: Uint8Array | undefined): Promise<HttpAnswer> {
    return loginPage(
      await this.parts.auth.answer({
        peer: request.connection.peer,
        path: request.path,
        userAgent: header(request, 'user-agent') ?? '',
        aggregate: request.headers.has('x-aggregate-auth'),
        cookies: cookiesOf(request),
        headers: request.headers,
        connection: request.connection,
        body,
        connected: request.connected,
      }),
    )
  }

  // The address that brought the browser here works; the configured name may not.
  private addressOf(request: HttpRequest): string {
    const host = header(request, 'host') ?? ''
    return /^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : this.parts.hosts.publicName(this.parts.hosts.at(request.connection).name)
  }
}

const header = ({ headers }: HttpRequest, name: string): string | undefined => headers.get(name)?.[0]
const cookiesOf = ({ headers }: HttpRequest): ReadonlyMap<string, string> => readCookies(headers.get('cookie')?.join('; '))

function page(status: number, type: string, body: string, cookies: readonly string[] = [], close = false): HttpAnswer {
  return { status, headers: [['Content-Type', type], ...COMMON, ...cookies.map((cookie): Header => ['Set-Cookie', cookie])], body, close }
}
/** text/html although it is XML: so do Cisco's gateways. */
function loginPage({ status, body, cookies, close, barred }: LoginAnswer): HttpAnswer {
  const answer = page(status, HTML, body, cookies, close)
  return barred ? refused(answer, barred) : answer
}
/** openconnect shows the reason phrase and nothing of the body. */
const refused = (answer: HttpAnswer, { text, retryAfterSec }: Barred): HttpAnswer => ({
  ...answer, reason: printable(text), headers: [...answer.headers, ...(retryAfterSec === undefined ? [] : [['Retry-After', String(retryAfterSec)] as const])],
})
