import { join } from 'node:path'
import { FakeDataPlane, type FakeClient } from '../../native/fake.ts'
import type { GatewayConfig, PoolConfig } from '../config/gateway-config.ts'
import { LiveConfig } from '../config/live-config.ts'
import type { ConnectionInfo, DtlsOffer, OpenSpec, TunnelSpec } from '../dataplane.ts'
import { DEFAULT_LIMITS } from '../dataplane.ts'
import { AuditLog } from '../audit-log.ts'
import { HealthList } from '../health-list.ts'
import { BUILT_IN_POLICY } from '../policy/keys.ts'
import type { Policy } from '../policy/policy.ts'
import { createPolicies } from '../policy/policies.ts'
import { Slots } from '../slots.ts'
import { openStore } from '../store/open-store.ts'
import { TestClock, TestLog, testDirectory } from '../testing.ts'
import { CookieKeys } from './cookie-keys.ts'
import { SessionTable } from './session-table.ts'
import type { Device, Login, Session } from './session.ts'

export const DEVICE: Device = { agent: 'Open AnyConnect VPN Agent v9.01', platform: 'linux-64', mobile: false }
export const login = (user = 'bob', device: Partial<Device> = {}): Login => ({
  identity: { user, groups: [], source: 'local' }, group: 'default', device: { ...DEVICE, ...device }, peer: '192.0.2.7:5000',
})
export const BOTH = { ipv4: true, ipv6: true }
const SPEC: OpenSpec = { listen: [{ address: '127.0.0.1', port: 0 }], device: 'pt%d', addresses: [], routes: [], mtu: 1400, workers: 1, lockDirectory: '/nowhere', limits: DEFAULT_LIMITS, udp: true }
const HEAD = Buffer.from('HTTP/1.1 200 CONNECTED\r\n\r\n')

export interface RigOptions {
  readonly directory?: string
  readonly clock?: TestClock
  readonly pool?: Partial<PoolConfig>
  readonly policy?: Partial<Policy>
  readonly maxSessions?: number
}

/** A session table on a real store and the data plane in memory. */
export class SessionRig {
  readonly directory: string
  readonly clock: TestClock
  readonly log = new TestLog()
  readonly slots = new Slots()
  readonly plane = new FakeDataPlane({ tls: 'unchecked' })
  readonly health: HealthList
  readonly opened: ReturnType<typeof openStore>
  readonly table: SessionTable
  readonly audit: AuditLog
  readonly config: LiveConfig
  readonly told: string[] = []
  /** Of the configuration. */
  readonly pools = new Map<string, PoolConfig>()
  private readonly infos = new Map<number, ConnectionInfo>()

  constructor(options: RigOptions = {}) {
    this.directory = options.directory ?? testDirectory()
    this.clock = options.clock ?? new TestClock()
    this.health = new HealthList(this.clock, this.log)
    this.opened = openStore(this.directory, this.health, this.clock.now())
    const pool: PoolConfig = { name: 'default', ipv4: '10.20.0.0/16', ipv6: 'fd20::/64', quarantineSec: 300, ...options.pool }
    const config = {
      pools: this.pools.set('default', pool), groups: new Map([['default', { name: 'default', label: 'default', auth: [['local']], policy: {} }]]), hosts: new Map(), policy: { ...BUILT_IN_POLICY, ...options.policy }, gateway: { maxSessions: options.maxSessions ?? 0 },
    } as unknown as GatewayConfig
    this.config = new LiveConfig(config)
    const keys = new CookieKeys(join(this.directory, 'cookie-keys.json'), this.clock, this.health)
    this.audit = new AuditLog(this.opened.store, this.clock, this.log)
    this.table = new SessionTable({
      audit: this.audit, clock: this.clock, config: this.config, dataPlane: this.plane, health: this.health, keys, log: this.log, policies: createPolicies(() => this.config.now, () => this.slots.policySource.list()), slots: this.slots, store: this.opened.store,
    })
    this.slots.sessionEvents.add({
      sessionCreated: ({ user }) => this.told.push(`created ${user}`),
      tunnelUp: ({ user }) => this.told.push(`up ${user}`),
      dtlsUp: ({ user, dtls }) => this.told.push(`dtls up ${user} ${dtls?.cipher}`),
      dtlsDown: ({ user }, reason) => this.told.push(`dtls down ${user} ${reason}`),
      policyChanged: ({ user, policy: { values } }, before) => this.told.push(`policy ${user} dpd ${before.values.dpdSec} -> ${values.dpdSec}`),
      sessionEnding: ({ user }, seconds) => this.told.push(`ending ${user} ${seconds}`),
      tunnelDown: ({ user }, reason) => this.told.push(`down ${user} ${reason}`),
      sessionEnded: ({ user }, cause) => this.told.push(`ended ${user} ${cause}`),
    }, 'test')
    const { table, infos } = this
    this.plane.open(SPEC, [{ serverNames: [], certificates: [{ chainPem: '', keyPem: '' }], requestClientCertificate: false }], {
      connection: (info) => void infos.set(info.handle, info),
      data: () => undefined, end: () => undefined, closed: () => undefined, flushed: () => undefined,
      tunnelUp: (tunnel) => table.reports.tunnelUp(tunnel),
      tunnelDown: (tunnel, down) => table.reports.tunnelDown(tunnel, down),
      dtlsUp: (tunnel, cipher, former) => table.reports.dtlsUp(tunnel, cipher, former),
      dtlsDown: (tunnel, reason) => table.reports.dtlsDown(tunnel, reason),
      roamed: (tunnel, peer) => table.reports.roamed(tunnel, peer),
      silence: (tunnel, seconds, survived) => table.reports.silence(tunnel, seconds, survived),
      pathMtu: (tunnel, mtu) => table.reports.pathMtu(tunnel, mtu),
    })
    this.table.start()
  }

  /** Login and CONNECT up to the tunnel. */
  async connect(session: Session, dtls?: DtlsOffer, more: Partial<TunnelSpec> = {}): Promise<FakeClient> {
    const client = await this.startTunnel(session, dtls, more)
    await this.plane.settled()
    return client
  }

  /** Up to `startTunnel`; what the data plane answers is not delivered yet. */
  async startTunnel(session: Session, dtls?: DtlsOffer, more: Partial<TunnelSpec> = {}): Promise<FakeClient> {
    const { ipv4, ipv6 } = this.table.claimLeases(session, { ipv4: true, ipv6: true })
    const client = this.plane.connect()
    await this.plane.settled()
    const connection = this.infos.get(client.handle)
    if (!connection) throw new Error('no connection')
    const spec: TunnelSpec = { ...(ipv4 && { ipv4: ipv4.address }), ...(ipv6 && { ipv6: ipv6.address }), mtu: 1400, dpdSec: 30, dpdRetries: 3, keepaliveSec: 20, ...(dtls && { dtls }), ...more }
    this.table.startTunnel({ session, connection, spec, head: HEAD, early: new Uint8Array(), seen: 0 })
    return client
  }

  /** Another `[policy]`; in force for new sessions. */
  configure(policy: Partial<Policy>): void {
    this.config.replace({ ...this.config.now, policy: { ...this.config.now.policy, ...policy } })
  }

  /** As if killed: nothing is saved, the lock is gone. */
  kill(): void {
    this.opened.close()
  }
  /** An ordered stop. */
  stop(): void {
    this.table.stop()
    this.plane.stop()
    this.opened.close()
  }
}

/** Makes rigs that stop after each test of the suite. */
export function rigs(suite: { readonly after: { each(hook: () => void): void } }): (options?: RigOptions) => SessionRig {
  const made: SessionRig[] = []
  suite.after.each(() => {
    for (const one of made.splice(0)) one.stop()
  })
  return (options) => {
    const one = new SessionRig(options)
    made.push(one)
    return one
  }
}

/** Why the table refuses a cookie, or whose session it found. */
export function refusal({ table }: SessionRig, cookie: string): string {
  const found = table.byCookie(cookie)
  return 'refused' in found ? found.refused : `session of ${found.session.user}`
}
