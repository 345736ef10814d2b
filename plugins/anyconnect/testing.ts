import { randomBytes } from 'node:crypto'
import {
  BUILT_IN_POLICY, GatewayError, SESSION_ENDS, Slots,
  type Audit, type AuditEntry, type AuthBackend, type AuthContext, type AuthStep, type Clock, type CookieRefused, type EndCause, type GatewayConfig, type GroupConfig, type HostConfig,
  type Leases, type Logger, type Login, type Policy, type ResolvedPolicy, type Session, type Sessions, type TunnelDown, type TunnelHandle, type TunnelStart,
} from '../../core/api.ts'
import { FakeDataPlane, type FakeClient, type FakePeer } from '../../native/fake.ts'
import { AggregateAuth } from './aggregate-auth.ts'
import { Counters } from './counters.ts'
import { Dialogues } from './dialogues.ts'
import { PortRoutes } from './port-routes.ts'
import type { StrapMode } from './strap.ts'
import { TunnelGate } from './tunnel-gate.ts'
import { VirtualHosts } from './virtual-hosts.ts'
import { VpnPort, type PortOptions } from './vpn-port.ts'

export const POLICY: Policy = { ...BUILT_IN_POLICY, dns: ['10.20.0.1'], defaultDomain: 'corp.example' }

/** What a login step hears of a client at that address. */
export const loginContext = (peer: string): AuthContext => ({
  peer, group: 'default', origin: 'https://vpn.example.com', userAgent: 'test', capabilities: [], certificates: [], certificateMissing: false,
})

export class TestClock implements Clock {
  time = 1_800_000_000_000
  now = (): number => this.time
  monotonic = (): number => this.time
  after = (): { cancel(): void } => ({ cancel: () => undefined })
}

/** Sessions in memory with one address each; cookies are random. */
export class MemorySessions implements Sessions {
  private readonly sessions = new Map<string, Session>()
  private readonly cookies = new Map<string, string>()
  private readonly tunnels = new Map<TunnelHandle, string>()
  private lastTunnel = 0
  /** What `create` or `claimLeases` throws next. */
  failure: { readonly at: 'create' | 'lease' | 'start'; readonly error: Error } | undefined
  readonly ended: { readonly id: string; readonly cause: EndCause }[] = []
  readonly logins: Login[] = []

  constructor(
    private readonly plane: FakeDataPlane,
    private readonly clock: Clock,
    private readonly policy: Policy,
  ) {}

  create(login: Login, alongside?: (session: Session) => void): Session {
    this.fail('create')
    this.logins.push(login)
    const id = randomBytes(13).toString('hex')
    const origins = Object.fromEntries(Object.keys(this.policy).map((key) => [key, 'built-in'])) as ResolvedPolicy['origins']
    const session: Session = {
      id, user: login.identity.user, group: login.group, host: login.host, device: login.device, policy: { values: this.policy, origins }, createdAt: this.clock.now(),
      expiresAt: this.policy.sessionTimeoutSec > 0 ? this.clock.now() + this.policy.sessionTimeoutSec * 1000 : undefined,
      state: 'waiting', leases: {}, peer: login.peer, tls: undefined, dtls: undefined, keepalive: undefined, connectedAt: undefined, mtu: undefined, idleSince: this.clock.now(),
      waitsUntil: undefined, tunnels: 0, lastEnd: undefined, history: [], ...(login.strapKey && { strapKeys: [login.strapKey] }),
    }
    alongside?.(session)
    this.sessions.set(id, session)
    return session
  }
  cookie(session: Session): string {
    const cookie = randomBytes(32).toString('base64url')
    this.cookies.set(cookie, session.id)
    return cookie
  }
  byCookie(cookie: string): { readonly session: Session } | CookieRefused {
    const session = this.sessions.get(this.cookies.get(cookie) ?? '')
    if (session) return { session }
    const id = this.cookies.get(cookie)
    const ended = this.ended.find((end) => end.id === id)
    return id === undefined ? { refused: 'forged' } : { refused: 'terminated', ended: ended && { id, user: 'test', cause: ended.cause } }
  }
  get = (id: string): Session | undefined => this.sessions.get(id)
  list = (): readonly Session[] => [...this.sessions.values()]
  claimLeases(session: Session, families: { readonly ipv4: boolean; readonly ipv6: boolean }): Leases {
    this.fail('lease')
    const host = [...this.sessions.keys()].indexOf(session.id) + 5
    return {
      ...(families.ipv4 ? { ipv4: { address: `10.20.0.${host}`, prefix: 16 } } : {}),
      ...(families.ipv6 ? { ipv6: { address: `fd20::${host.toString(16)}`, prefix: 64 } } : {}),
    }
  }
  startTunnel(start: TunnelStart): void {
    this.fail('start')
    for (const [tunnel, id] of this.tunnels) if (id === start.session.id) this.plane.drop(tunnel, 'close', '')
    const tunnel = ++this.lastTunnel as TunnelHandle
    this.tunnels.set(tunnel, start.session.id)
    this.plane.promote({ connection: start.connection.handle, tunnel, spec: start.spec, head: start.head, early: start.early, seen: start.seen })
  }
  followStrapKey(session: Session, next: Uint8Array): void {
    this.sessions.set(session.id, { ...session, strapKeys: [...(session.strapKeys ?? []), next] })
  }
  setFilter: Sessions['setFilter'] = () => undefined
  learned: ReturnType<Sessions['keepalive']>
  keepalive: Sessions['keepalive'] = () => this.learned
  counters: Sessions['counters'] = () => ({ rxBytes: 0n, txBytes: 0n, rxPackets: 0n, txPackets: 0n, dtlsRxBytes: 0n, dtlsTxBytes: 0n, dtlsRxPackets: 0n, dtlsTxPackets: 0n })
  end(id: string, cause: EndCause): boolean {
    for (const [tunnel, owner] of this.tunnels) if (owner === id) this.plane.drop(tunnel, 'disconnect', SESSION_ENDS[cause].text)
    this.ended.push({ id, cause })
    return this.sessions.delete(id)
  }
  tunnelDown(tunnel: TunnelHandle, down: TunnelDown): void {
    const id = this.tunnels.get(tunnel)
    this.tunnels.delete(tunnel)
    if (id !== undefined && down.reason === 'peer-disconnect' && down.detail[0] === 0xb0) this.end(id, 'user')
  }
  renewPolicies = (): number => 0
  setAttributes: Sessions['setAttributes'] = () => undefined
  get live(): number {
    return this.tunnels.size
  }

  private fail(at: 'create' | 'lease' | 'start'): void {
    if (this.failure?.at !== at) return
    const { error } = this.failure
    this.failure = undefined
    throw error
  }
}

/** Name and password in one form; knows one user and counts how often it was asked. */
export class PasswordBackend implements AuthBackend {
  asked = 0
  constructor(
    readonly name = 'local',
    private readonly user = 'test',
    private readonly password = 'test123',
    private readonly groups: readonly string[] = [],
  ) {}
  begin(): AuthStep {
    return {
      kind: 'form',
      form: {
        id: 'main', message: 'Please enter your username and password.',
        fields: [{ kind: 'text', name: 'username', label: 'Username:' }, { kind: 'password', name: 'password', label: 'Password:' }],
      },
      answer: (values) => this.verify(values),
    }
  }
  private async verify(values: ReadonlyMap<string, string>): Promise<AuthStep> {
    this.asked++
    await Promise.resolve()
    const user = values.get('username') ?? ''
    if (user === 'locked') return { kind: 'refused', reason: 'locked', user }
    if (user === 'crash') throw new GatewayError('STORE', 'the secret cause')
    if (user !== this.user || values.get('password') !== this.password) return { kind: 'refused', reason: 'wrong-credentials', user }
    return { kind: 'identity', identity: { user, groups: this.groups, source: this.name } }
  }
}

export class ListedLog implements Logger {
  readonly lines: string[] = []
  private readonly write = (message: string, fields?: unknown): void => void this.lines.push(`${message} ${JSON.stringify(fields ?? {}, (_key, value: unknown) => (value instanceof Error ? String(value) : value))}`)
  readonly error = this.write
  readonly warn = this.write
  readonly info = this.write
  readonly debug = this.write
  child = (): Logger => this
}
export class ListedAudit implements Audit {
  readonly entries: AuditEntry[] = []
  record = (entry: AuditEntry): void => void this.entries.push(entry)
  list = (): [] => []
}

export const group = (name: string, label = name, auth: readonly (readonly string[])[] = [['local']]): GroupConfig => ({ name, label, auth, policy: {} })

export interface PortFixtureOptions {
  readonly policy?: Partial<Policy>
  readonly groups?: readonly GroupConfig[]
  /** All of them when absent. */
  readonly gatewayGroups?: readonly string[]
  readonly hosts?: readonly HostConfig[]
  readonly backends?: readonly AuthBackend[]
  readonly port?: PortOptions
  readonly maxLoginTimeMs?: number
  readonly friendly?: boolean
  readonly certificateSha1?: string
  readonly maxSessions?: number
  readonly bodyRoom?: number
  readonly strap?: StrapMode
}

/** The whole VPN port on a data plane in memory. */
export function portFixture(options: PortFixtureOptions = {}) {
  const plane = new FakeDataPlane({ tls: 'unchecked' })
  const clock = new TestClock()
  const log = new ListedLog()
  const audit = new ListedAudit()
  const slots = new Slots()
  const backends = options.backends ?? [new PasswordBackend()]
  const sessions = new MemorySessions(plane, clock, { ...POLICY, ...options.policy })
  const groups = options.groups ?? [group('default', 'Default')]
  const gatewayGroups = options.gatewayGroups ?? groups.map(({ name }) => name)
  const hosts = new VirtualHosts({
    gateway: { name: 'vpn.example.com', groups: gatewayGroups } as unknown as GatewayConfig['gateway'],
    groups: new Map(groups.map((one) => [one.name, one])), hosts: new Map((options.hosts ?? []).map((one) => [one.name, one])),
  })
  const dialogues = new Dialogues(clock, () => options.maxLoginTimeMs ?? 240_000)
  const counters = new Counters(dialogues)
  const auth = new AggregateAuth({ sessions, audit, clock, log, dialogues, hosts, counters, backends: () => backends, guards: () => slots.loginGuard.list(), friendly: () => options.friendly ?? false, admissions: () => slots.admission.list(), profile: (session) => slots.clientProfile.get()?.profile(session), maxSessions: options.maxSessions ?? 0, certificateSha1: () => options.certificateSha1 ?? 'AB'.repeat(20) })
  const gate = new TunnelGate({ sessions, audit, clock, log, strap: () => options.strap ?? 'verify', counters, hosts, random: () => 0, negotiators: () => slots.negotiator.list() })
  const routes = new PortRoutes({ auth, gate, log, counters, hosts, routes: () => slots.httpRoute.list() })
  const port = new VpnPort(plane, routes, counters, { bodyRoom: options.bodyRoom, ...options.port })
  const info = plane.open(
    {
      listen: [{ address: '0.0.0.0', port: 443 }], device: 'pt%d', addresses: ['10.20.0.1/16'], routes: [], mtu: 1400, workers: 1, lockDirectory: '/nonexistent',
      limits: { connections: 2000, connectionsPerAddress: 32, handshakes: 32, handshakeTimeoutMs: 10_000 }, udp: true,
    },
    [],
    {
      connection: (info) => port.connection(info),
      data: (handle, seq, bytes) => port.data(handle, seq, bytes),
      end: (handle) => port.end(handle),
      closed: (handle) => port.closed(handle),
      flushed: (handle) => port.flushed(handle),
      tunnelUp: () => undefined,
      tunnelDown: (tunnel, down) => sessions.tunnelDown(tunnel, down),
      dtlsUp: () => undefined,
      dtlsDown: () => undefined,
      roamed: () => undefined,
      silence: () => undefined,
      pathMtu: () => undefined,
    },
  )
  return {
    plane, info, clock, log, audit, slots, sessions, dialogues, counters, port,
    connect: (peer?: FakePeer): TestClient => new TestClient(plane, plane.connect(peer)),
    stop(): void {
      port.close()
      plane.stop()
    },
  }
}
export type PortFixture = ReturnType<typeof portFixture>

export interface TestAnswer {
  readonly status: number
  readonly statusLine: string
  /** As on the wire, case and repeats kept. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  header(name: string): string | undefined
  all(name: string): readonly string[]
}

/** A client that keeps its cookies, on one connection in memory. */
export class TestClient {
  readonly cookies = new Map<string, string>()

  constructor(
    private readonly plane: FakeDataPlane,
    readonly wire: FakeClient,
  ) {}

  /** Bytes as they are; the answer, or undefined when none came. */
  async raw(bytes: string | Uint8Array): Promise<TestAnswer | undefined> {
    this.wire.take()
    this.wire.write(bytes)
    return this.answer()
  }
  async answer(): Promise<TestAnswer | undefined> {
    for (let turn = 0; turn < 200; turn++) {
      await this.plane.settled()
      const answer = readAnswer(this.wire.received())
      if (answer) {
        for (const cookie of answer.all('set-cookie')) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
          if (value === '') this.cookies.delete(name)
          else this.cookies.set(name, value)
        }
        return answer
      }
      if (this.wire.ended) return undefined
    }
    return undefined
  }
  request(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ''): Promise<TestAnswer | undefined> {
    return this.raw(requestText(method, path, { ...this.cookieHeader(), ...headers }, body))
  }
  /** A config-auth document with the headers of a client that knows aggregate authentication. */
  async post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> {
    const answer = await this.request('POST', path, { 'User-Agent': 'AnyConnect Windows 5.1.2.42', 'X-Aggregate-Auth': '1', 'X-Transcend-Version': '1', ...headers }, body)
    if (!answer) throw new Error('no answer')
    return answer
  }
  private cookieHeader(): Record<string, string> {
    return this.cookies.size === 0 ? {} : { Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
  }
}

export function requestText(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ''): string {
  const lines = Object.entries({ Host: 'vpn.example.com', ...headers, ...(body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }) })
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

/** The first whole answer in `bytes`. */
export function readAnswer(bytes: Buffer): TestAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('utf8').split('\r\n')
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const)
  const all = (name: string): string[] => headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  const status = Number(statusLine.split(' ')[1])
  const length = Number(all('content-length')[0] ?? 0)
  const body = bytes.subarray(end + 4, end + 4 + length)
  if (body.length < length) return undefined
  if (status === 100) return readAnswer(bytes.subarray(end + 4))
  return { status, statusLine, headers, body: body.toString('utf8'), header: (name) => all(name)[0], all }
}

export const INIT = `<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="init" aggregate-auth-version="2"><version who="vpn">5.1.2.42</version><device-id computer-name="PC" platform-version="10.0.22631" unique-id="AB">win</device-id><group-access>https://vpn.example.com</group-access></config-auth>`

/** An auth-reply that copies the opaque of `form`. */
export const replyTo = (form: string, values: Readonly<Record<string, string>>, extra = ''): string =>
  `<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="auth-reply" aggregate-auth-version="2"><session-token/><session-id/>${/<opaque.*<\/opaque>/s.exec(form)?.[0] ?? ''}<auth>${Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`).join('')}</auth>${extra}</config-auth>`

/** Logs in and gives the cookie. */
export async function login(client: TestClient, user = 'test', password = 'test123'): Promise<string> {
  const form = await client.post('/', INIT)
  const done = await client.post('/', replyTo(form.body, { username: user, password }))
  const token = /<session-token>([^<]+)</.exec(done.body)?.[1]
  if (token === undefined) throw new Error(`no session: ${done.body}`)
  return token
}

export const connectText = (cookie: string, headers: Readonly<Record<string, string>> = {}): string =>
  requestText('CONNECT', '/CSCOSSLC/tunnel', {
    'User-Agent': 'Cisco AnyConnect VPN Agent for Windows 5.1.2.42', Cookie: `webvpn=${cookie}`, 'X-CSTP-Version': '1', 'X-CSTP-Hostname': 'PC', 'X-CSTP-MTU': '1399',
    'X-CSTP-Address-Type': 'IPv6,IPv4', 'X-CSTP-Base-MTU': '1500', 'X-CSTP-Full-IPv6-Capability': 'true', ...headers,
  })
