/**
 * The data plane in memory, for tests: the same states, the same stop-and-wait, the same promises about promote as
 * the addon (border section 5), with no socket, no TLS, no thread and no clock.
 *
 *   const plane = new FakeDataPlane()
 *   plane.open(spec, contexts, handler)                 // the DataPlane interface, as core uses it
 *   const client = plane.connect({ serverName: 'vpn.example.com', peer: { address: '192.0.2.7', port: 5000 } })
 *   client.write('POST / HTTP/1.1\r\n…')                // string or bytes; also client.end(), client.reset()
 *   await plane.settled()                               // all events delivered, and those they caused
 *   client.received()                                   // Buffer of all the gateway wrote; take() also forgets it
 *   client.pause(); client.resume()                     // a peer that does not read
 *   client.ended, client.wasReset                       // the gateway closed / destroyed with reset
 *   // after promote the same client speaks CSTP:
 *   client.write(frame(FRAME.data, packet('10.20.0.5', '10.20.0.1', 'hello')))
 *   plane.tun                                           // Buffer[]: inner packets that reached the TUN device
 *   plane.injectTun(packet('10.20.0.1', '10.20.0.5'))   // 'sent' | 'noRoute' | 'tooBig' | 'dropped'
 *   client.frames()                                     // CSTP frames the gateway sent: { type, payload }
 *   const dtls = plane.connectDtls({ id, key: client }) // the UDP channel of an offer in the tunnel's spec; undefined: no answer
 *   dtls.write(FRAME.dpdRequest); dtls.records(); dtls.end()
 *   plane.failDtls(tunnel, 'unreachable')               // what only a clock or a network could cause
 *   plane.failTunnel(tunnel, 'dpd')                     // the same for the tunnel
 *   plane.tunnelSpec(tunnel)                            // the spec as promote / updateTunnel left it
 *
 * Events arrive in batches from `setImmediate`, never from inside a call. `stop()` delivers, before it returns,
 * `closed` of living connections and `tunnelDown` ('stopped') of living tunnels, as the addon does.
 */
import { randomBytes } from 'node:crypto'
import type {
  ConnectionHandle, ConnectionInfo, DataPlane, DataPlaneHandler, DeviceSpec, DropHow, DtlsDownReason, ListenAddress, OpenInfo, OpenSpec, Promotion, StatName, TlsContextSpec,
  TunnelCounters, TunnelDownReason, TunnelHandle, TunnelSpec,
} from '../core/dataplane.ts'
import { STATS } from '../core/dataplane.ts'
import { DataPlaneError } from '../core/errors.ts'
import { FakeClient } from './fake_client.ts'
import { FakeConnection } from './fake_connection.ts'
import { copied, FakeDtlsTable, keepsOffer, type FakeDtls, type FakeHello } from './fake_dtls.ts'
import { canonical, parsePacket } from './fake_frames.ts'
import { checkContexts } from './fake_tls.ts'
import { nearest } from './fake_networks.ts'
import { FakeTunnel } from './fake_tunnel.ts'

export { FakeClient } from './fake_client.ts'
export type { FakeDtls, FakeHello } from './fake_dtls.ts'
export { frame, FRAME, packet } from './fake_frames.ts'
export type { Frame } from './fake_frames.ts'

export interface FakePeer {
  readonly peer?: ListenAddress
  readonly serverName?: string
  /** Default `TLSv1.3`. */
  readonly tlsVersion?: string
  readonly cipher?: string
  readonly peerCertificates?: readonly Uint8Array[]
  readonly verifyResult?: number
  /** Keep this side open when the gateway closes its own; default false. */
  readonly halfOpen?: boolean
}

export interface FakeOptions {
  /** `unchecked` takes any text for PEM. Default `checked`: the addon's refusals. */
  readonly tls?: 'checked' | 'unchecked'
}

interface Item {
  readonly kind: 'connection' | 'data' | 'end' | 'closed' | 'flushed' | 'tunnelUp' | 'tunnelDown' | 'dtlsUp' | 'dtlsDown' | 'roamed' | 'silence' | 'pathMtu'
  readonly handle: number
  readonly deliver: (handler: DataPlaneHandler) => void
}

const zeroCounters: TunnelCounters = {
  rxPackets: 0n, rxBytes: 0n, txPackets: 0n, txBytes: 0n, rxSpoofed: 0n, rxInvalid: 0n, txDropped: 0n, dtlsRxPackets: 0n, dtlsRxBytes: 0n, dtlsTxPackets: 0n, dtlsTxBytes: 0n, silentMs: 0n, inactiveMs: 0n,
}

/** Of the lengths they have with SHA-384. */
const bindings = (version: string): readonly Uint8Array[] => (version === 'TLSv1.3' ? [randomBytes(48), randomBytes(32)] : [randomBytes(12)])

export class FakeDataPlane implements DataPlane {
  /** Inner packets that passed the source check, in order. */
  readonly tun: Buffer[] = []
  #handler: DataPlaneHandler | undefined
  #spec: OpenSpec | undefined
  #contexts: readonly TlsContextSpec[] = []
  #listeners: readonly ListenAddress[] = []
  #items: Item[] = []
  #scheduled = false
  #lastHandle = 0
  readonly #connections = new Map<ConnectionHandle, FakeConnection>()
  readonly #tunnels = new Map<TunnelHandle, FakeTunnel>()
  readonly #routes = new Map<string, FakeTunnel>()
  readonly #offers = new FakeDtlsTable<FakeTunnel>()
  #stats = FakeDataPlane.#zeroStats()

  constructor(private readonly options: FakeOptions = {}) {}

  open(spec: OpenSpec, tls: readonly TlsContextSpec[], handler: DataPlaneHandler): OpenInfo {
    if (this.#handler !== undefined) throw new DataPlaneError('EBUSY', 'open', 'the data plane is open already')
    this.configureTls(tls)
    this.#spec = spec
    this.#handler = handler
    this.#stats = FakeDataPlane.#zeroStats()
    this.#listeners = spec.listen.map(({ address, port }, index) => ({ address, port: port === 0 ? 40_000 + index : port }))
    return {
      device: spec.device.replace('%d', '0'), listeners: this.#listeners, udp: spec.udp === true ? this.#listeners : [], workers: spec.workers === 0 ? 1 : spec.workers, fronts: 1,
      offloads: ['csum', 'tso4', 'tso6'], aesIsFast: true, openssl: { version: 'fake', object: 'fake' },
    }
  }
  configureTls(contexts: readonly TlsContextSpec[]): void {
    if (this.options.tls !== 'unchecked') checkContexts(contexts)
    this.#contexts = contexts
  }
  configureDevice({ addresses, routes }: DeviceSpec): readonly string[] {
    if (this.#spec) this.#spec = { ...this.#spec, addresses, routes }
    return []
  }
  grant(handle: ConnectionHandle, seq: number): void {
    this.#connections.get(handle)?.grant(seq)
  }
  write(handle: ConnectionHandle, bytes: Uint8Array, notify: boolean): void {
    this.#connections.get(handle)?.write(bytes, notify)
  }
  end(handle: ConnectionHandle): void {
    this.#connections.get(handle)?.end()
  }
  destroy(handle: ConnectionHandle, reset: boolean): void {
    this.#connections.get(handle)?.destroy(reset)
  }
  promote(promotion: Promotion): void {
    const connection = this.#connections.get(promotion.connection)
    const early = this.#handler === undefined ? undefined : connection?.promote(promotion)
    if (connection === undefined || early === undefined) {
      this.#postDown(promotion.tunnel, 'gone', Buffer.alloc(0), zeroCounters)
      return
    }
    this.#stats.promoted++
    connection.client.deliver(promotion.head)
    const tunnel = new FakeTunnel(promotion.tunnel, copied(promotion.spec), connection.client, {
      count: (name) => this.#stats[name]++,
      toTun: (packet) => {
        this.#stats.tunTxPackets++
        this.#stats.tunTxBytes += BigInt(packet.length)
        this.tun.push(packet)
      },
      routed: (address) => this.#routes.has(address) || nearest(this.#tunnels.values(), address) !== undefined,
      down: (ended, reason, detail) => this.#tunnelDown(ended, reason, detail),
      dtlsUp: ({ handle }, { cipher, former }) => {
        this.#stats.dtlsHandshakes++
        this.#post({ kind: 'dtlsUp', handle, deliver: (handler) => handler.dtlsUp(handle, cipher, former) })
      },
      dtlsDown: ({ handle }, reason) => this.#post({ kind: 'dtlsDown', handle, deliver: (handler) => handler.dtlsDown(handle, reason) }),
    })
    this.#tunnels.set(tunnel.handle, tunnel)
    this.#stats.tunnelsOpen++
    this.#route(tunnel)
    this.#offers.enter(tunnel)
    connection.client.attach(tunnel)
    this.#post({ kind: 'tunnelUp', handle: tunnel.handle, deliver: (handler) => handler.tunnelUp(tunnel.handle) })
    tunnel.bytes(early)
    if (connection.client.finished) tunnel.fin()
  }
  updateTunnel(handle: TunnelHandle, spec: TunnelSpec): void {
    const tunnel = this.#tunnels.get(handle)
    if (tunnel === undefined) return
    this.#unroute(tunnel)
    const before = tunnel.spec.dtls
    tunnel.spec = copied(spec)
    this.#route(tunnel)
    if (keepsOffer(before, spec.dtls)) {
      if (before) tunnel.spec = { ...tunnel.spec, dtls: before }
      return
    }
    this.#offers.remove(tunnel, before)
    this.#offers.enter(tunnel)
    if (!spec.dtls) tunnel.endDtls('withdrawn')
  }
  drop(tunnel: TunnelHandle, how: DropHow, text: string): void {
    this.#tunnels.get(tunnel)?.drop(how, text)
  }
  dtlsSecret(id: Uint8Array): Uint8Array | undefined {
    return this.#offers.secretOf(id)
  }
  tunnelCounters(tunnel: TunnelHandle): TunnelCounters | undefined {
    return this.#tunnels.get(tunnel)?.counters()
  }
  alive(): boolean {
    return this.#handler !== undefined
  }
  stats(): Readonly<Record<StatName, bigint>> {
    return { ...this.#stats, connectionsOpen: BigInt(this.#connections.size), dtlsOpen: BigInt([...this.#tunnels.values()].filter(({ hasDtls }) => hasDtls).length) }
  }
  stop(): void {
    if (this.#handler === undefined) return
    for (const connection of [...this.#connections.values()]) connection.stop()
    for (const tunnel of [...this.#tunnels.values()]) tunnel.close('stopped')
    const unseen = new Set(this.#items.filter(({ kind }) => kind === 'connection').map(({ handle }) => handle))
    this.#items = this.#items.filter(({ kind, handle }) => kind.startsWith('tunnel') || (kind === 'closed' && !unseen.has(handle)))
    this.#deliver()
    this.#handler = undefined
  }

  /** A client that has finished its TLS handshake. */
  connect({ peer, serverName, tlsVersion, cipher, peerCertificates, verifyResult, halfOpen }: FakePeer = {}): FakeClient {
    if (this.#handler === undefined) throw new DataPlaneError('ECONNREFUSED', 'connect', 'the fake data plane is not open')
    const handle = ++this.#lastHandle as ConnectionHandle
    const version = tlsVersion ?? 'TLSv1.3'
    const client = new FakeClient(handle, halfOpen ?? false, bindings(version))
    const info: ConnectionInfo = {
      handle, peer: peer ?? { address: '192.0.2.1', port: 1024 + (handle % 60_000) }, local: this.#listeners[0] ?? { address: '192.0.2.254', port: 443 },
      ...(serverName === undefined ? {} : { serverName }), tlsVersion: version, cipher: cipher ?? 'TLS_AES_256_GCM_SHA384',
      channelBindings: client.channelBindings, peerCertificates: peerCertificates ?? [], verifyResult: verifyResult ?? 0,
    }
    this.#stats.accepted++
    this.#stats.handshakes++
    this.#post({ kind: 'connection', handle, deliver: (handler) => handler.connection(info) })
    this.#connections.set(handle, new FakeConnection(handle, client, {
      post: (kind, of, deliver) => this.#post({ kind, handle: of, deliver }),
      forget: (of) => this.#connections.delete(of),
    }))
    return client
  }
  /** A packet the kernel routed into the TUN device. */
  injectTun(packet: Buffer): 'sent' | 'noRoute' | 'tooBig' | 'dropped' {
    this.#stats.tunRxPackets++
    this.#stats.tunRxBytes += BigInt(packet.length)
    const parsed = parsePacket(packet)
    const tunnel = parsed === undefined ? undefined : (this.#routes.get(parsed.destination) ?? nearest(this.#tunnels.values(), parsed.destination))
    if (tunnel === undefined) {
      this.#stats.noRoute++
      return 'noRoute'
    }
    if (packet.length > tunnel.spec.mtu) {
      this.#stats.tooBig++
      return 'tooBig'
    }
    return tunnel.toClient(packet) ? 'sent' : 'dropped'
  }
  /** A DTLS handshake; undefined when the gateway leaves it unanswered. */
  connectDtls(hello: FakeHello): FakeDtls | undefined {
    return this.#spec?.udp === true ? this.#offers.handshake(hello) : undefined
  }
  failDtls(tunnel: TunnelHandle, reason: DtlsDownReason): void {
    this.#tunnels.get(tunnel)?.endDtls(reason)
  }
  /** What the data plane would tell of a tunnel's path. */
  tell(tunnel: TunnelHandle, what: { readonly roamed?: ListenAddress; readonly silence?: readonly [seconds: number, survived: boolean]; readonly pathMtu?: number }): void {
    const { roamed, silence, pathMtu } = what
    if (roamed) this.#post({ kind: 'roamed', handle: tunnel, deliver: (handler) => handler.roamed(tunnel, roamed) })
    if (silence) this.#post({ kind: 'silence', handle: tunnel, deliver: (handler) => handler.silence(tunnel, ...silence) })
    if (pathMtu !== undefined) this.#post({ kind: 'pathMtu', handle: tunnel, deliver: (handler) => handler.pathMtu(tunnel, pathMtu) })
  }
  failTunnel(tunnel: TunnelHandle, reason: TunnelDownReason): void {
    this.#tunnels.get(tunnel)?.close(reason)
  }
  tunnelSpec(tunnel: TunnelHandle): TunnelSpec | undefined {
    return this.#tunnels.get(tunnel)?.spec
  }
  openSpec(): OpenSpec | undefined {
    return this.#spec
  }
  tlsContexts(): readonly TlsContextSpec[] {
    return this.#contexts
  }
  /** Resolves when no event waits, including those that handlers caused from their promises' next turns. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet = this.#items.length > 0 ? 0 : quiet + 1) await new Promise<void>((done) => setImmediate(done))
  }

  #tunnelDown(tunnel: FakeTunnel, reason: TunnelDownReason, detail: Uint8Array): void {
    this.#tunnels.delete(tunnel.handle)
    this.#unroute(tunnel)
    this.#offers.remove(tunnel)
    this.#stats.tunnelsOpen--
    this.#postDown(tunnel.handle, reason, detail, tunnel.counters())
  }
  #postDown(handle: TunnelHandle, reason: TunnelDownReason, detail: Uint8Array, counters: TunnelCounters): void {
    this.#post({ kind: 'tunnelDown', handle, deliver: (handler) => handler.tunnelDown(handle, { reason, detail, counters }) })
  }
  #route(tunnel: FakeTunnel): void {
    for (const address of tunnel.addresses()) this.#routes.set(address, tunnel)
  }
  #unroute(tunnel: FakeTunnel): void {
    for (const address of tunnel.addresses().map(canonical)) if (this.#routes.get(address) === tunnel) this.#routes.delete(address)
  }
  #post(item: Item): void {
    this.#items.push(item)
    this.#stats.eventsQueued++
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#stats.eventBatches++
      this.#deliver()
    })
  }
  #deliver(): void {
    for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
      const { deliver } = item
      try {
        if (this.#handler !== undefined) deliver(this.#handler)
      } catch (error) {
        queueMicrotask(() => { throw error })
      }
    }
  }

  static #zeroStats(): Record<StatName, bigint> {
    return Object.fromEntries(STATS.map((name) => [name, 0n])) as Record<StatName, bigint>
  }
}
