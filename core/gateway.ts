import { join } from 'node:path'
import type { Clock } from './clock.ts'
import type { Crypt } from './crypt.ts'
import { bindCoreCommands, CORE_COMMANDS } from './commands/core-command-list.ts'
import type { CoreServices } from './commands/core-commands.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { LiveConfig } from './config/live-config.ts'
import { loadConfig, type LoadedConfig } from './config/load.ts'
import { connectionRelay } from './connection-relay.ts'
import type { DataPlane, OpenInfo, TlsContextSpec } from './dataplane.ts'
import { GatewayError } from './errors.ts'
import { layFoundation, type Foundation } from './foundation.ts'
import { PluginHost } from './host.ts'
import type { Locations } from './locations.ts'
import type { Logger } from './log.ts'
import { openSpec } from './open-spec.ts'
import type { Plugin } from './plugin.ts'
import { pluginEntries } from './plugin-entries.ts'
import { createPolicies } from './policy/policies.ts'
import { Reloads, type ReloadOptions, type ReloadReport } from './reload/reloads.ts'
import { CookieKeys } from './session/cookie-keys.ts'
import { SessionTable } from './session/session-table.ts'
import { Slots } from './slots.ts'
import { withClientRequest } from './tls/client-request.ts'
import { loadTlsContexts, type LoadedTls } from './tls/contexts.ts'
import { fipsFindings } from './tls/fips.ts'
import { chainsFor, leafSha1 } from './tls/leaf-sha1.ts'
import { AUDIT, CLOCK, CONFIG, CRYPT, DATA_PLANE, HEALTH, POLICIES, SESSIONS, STORE, TLS_FACTS, X509_LIBRARY } from './tokens.ts'
import type { X509 } from './x509.ts'

const CERTIFICATE_LOOK_MS = 86_400_000

export interface GatewayParts {
  readonly locations: Locations
  readonly plugins: readonly Plugin[]
  readonly createDataPlane: () => DataPlane
  /** Absent: hashes of crypt(3) are not verified. */
  readonly crypt?: Crypt | undefined
  /** Absent: certificates of clients are not judged. */
  readonly x509?: X509 | undefined
  readonly clock: Clock
  readonly log: Logger
}

/**
 * The running gateway: configuration, store, certificates, sessions, plugins, data plane, in this order; `stop` goes
 * back the same way. A start that fails has undone what it did when it throws.
 */
export class Gateway {
  private readonly closers: (() => void | Promise<void>)[] = []
  private readonly slots = new Slots()
  private readonly loaded: LoadedConfig
  private readonly config: LiveConfig
  private reloads: Reloads | undefined
  private tls: LoadedTls | undefined
  /** As the data plane has them. */
  private contexts: readonly TlsContextSpec[] = []
  private dataPlane: DataPlane | undefined
  private foundation: Foundation | undefined
  private info: OpenInfo | undefined
  private deviceMtu: number | undefined

  private constructor(private readonly parts: GatewayParts) {
    this.loaded = loadConfig(parts.locations.config, parts.plugins)
    this.config = new LiveConfig(this.loaded.core)
  }

  static async start(parts: GatewayParts): Promise<Gateway> {
    const gateway = new Gateway(parts)
    try {
      await gateway.open()
      return gateway
    } catch (error) {
      await gateway.stop()
      throw error
    }
  }

  get openInfo(): OpenInfo | undefined {
    return this.info
  }
  /** `pin-sha256:...` of the certificate that clients see. */
  get pin(): string | undefined {
    return this.tls?.pin
  }
  /** All threads of the data plane go on with their work. */
  get alive(): boolean {
    return this.dataPlane?.alive() ?? false
  }
  get fresh(): boolean {
    return this.foundation?.fresh ?? false
  }

  /** As SIGHUP. Throws why the configuration is refused; then nothing has changed. */
  async reload(options?: ReloadOptions): Promise<ReloadReport> {
    if (!this.reloads) throw new GatewayError('NOT_RUNNING', 'the gateway does not run yet')
    return this.reloads.apply(options)
  }
  confirmReload(): void {
    this.reloads?.confirm()
  }

  async stop(): Promise<void> {
    for (let close = this.closers.pop(); close; close = this.closers.pop()) {
      try {
        await close()
      } catch (error) {
        this.parts.log.error('a step of the stop failed', { error })
      }
    }
  }

  private async open(): Promise<void> {
    const { locations: { dataDirectory }, plugins, createDataPlane, clock, log } = this.parts
    const { slots, config, loaded: { warnings } } = this
    const foundation = layFoundation(dataDirectory, clock, log, 0)
    this.foundation = foundation
    this.closers.push(() => foundation.close())
    for (const { text } of warnings) log.warn(text)
    // A rule that is written and has no effect must not be forgotten after the start.
    if (warnings.length > 0) foundation.health.raise('CONFIG_WARNINGS', 'warning', warnings.map(({ text }) => text).join('; '))
    for (const { severity, text } of fipsFindings(config)) foundation.health.raise('FIPS_MODULE', severity, text)
    const tls = await loadTlsContexts(config, dataDirectory, { now: clock.now() })
    this.tls = tls
    this.reportCertificate(tls)
    const dataPlane = createDataPlane()
    this.dataPlane = dataPlane

    const { store, health, audit } = foundation
    const policies = createPolicies(() => config.now, () => slots.policySource.list())
    const keys = new CookieKeys(join(dataDirectory, 'cookie-keys.json'), clock, health)
    const sessions = new SessionTable({ audit, clock, config, dataPlane, health, keys, log: log.child('sessions'), policies, slots, store })
    const host = new PluginHost({ log, slots, dataDirectory, mode: 'serve' })
    const services: CoreServices = {
      audit, clock, config, dataDirectory, health, log, policies, store,
      plugins: () => host.status(),
      serving: { sessions, dataPlane, openInfo: () => this.info, startedAt: clock.monotonic(), reloads: () => this.reloads, status: () => slots.status.list(), metrics: () => slots.metric.list() },
    }
    host.publish(AUDIT, audit)
    host.publish(CLOCK, clock)
    if (this.parts.x509) host.publish(X509_LIBRARY, this.parts.x509)
    if (this.parts.crypt) host.publish(CRYPT, this.parts.crypt)
    host.publish(CONFIG, config)
    host.publish(DATA_PLANE, dataPlane)
    host.publish(HEALTH, health)
    host.publish(POLICIES, policies)
    host.publish(SESSIONS, sessions)
    host.publish(STORE, store)
    host.publish(TLS_FACTS, {
      leafSha1: (serverName) => leafSha1(this.tls?.contexts ?? [], serverName),
      chains: (serverName) => chainsFor(this.tls?.contexts ?? [], serverName),
    })
    bindCoreCommands(host.commands, services)
    sessions.start()
    this.closers.push(() => sessions.stop())
    this.closers.push(() => host.stop())
    await host.start(pluginEntries(plugins, this.loaded), { name: 'core', commands: CORE_COMMANDS.map(({ definition }) => definition) })
    // Those of before the start, under the configuration of now.
    sessions.renewPolicies()
    const reloads = new Reloads({
      clock, config, health, host, log, plugins, sessions, slots,
      load: () => loadConfig(this.parts.locations.config, plugins),
      loadTls: (core, keep) => this.loadTls(core, keep),
      tls: () => this.tls,
      useTls: (next) => this.useTls(next),
      deviceMtu: () => this.deviceMtu,
    }, this.loaded)
    this.reloads = reloads
    this.closers.push(() => reloads.stop())

    this.contexts = this.contextsFor(tls)
    const spec = openSpec(config, policies, dataDirectory, slots.datagrams.list().length > 0)
    const info = dataPlane.open(spec, this.contexts, connectionRelay(slots, sessions.reports, dataPlane, log))
    this.info = info
    this.deviceMtu = spec.mtu
    slots.clientCertificates.get()?.watch(() => this.configureTls())
    this.closers.push(slots.configuration.add({ configChanged: () => this.configureTls() }, 'core'))
    if (info.udp.length === 0) log.info('no UDP port is open: sessions use TLS alone')
    this.closers.push(() => {
      // Counters of living tunnels are gone after this.
      sessions.stop()
      dataPlane.stop()
    })
    this.closers.push(this.watchCertificates())
    for (const listener of slots.device.list()) {
      this.closers.push(() => listener.deviceDown(info))
      await listener.deviceUp(info)
    }
  }

  private loadTls(config: GatewayConfig, keep = true): Promise<LoadedTls> {
    const { locations: { dataDirectory }, clock } = this.parts
    return loadTlsContexts(config, dataDirectory, { now: clock.now(), keep })
  }

  private useTls(tls: LoadedTls): void {
    this.configureTls(tls)
    this.tls = tls
    this.reportCertificate(tls)
  }

  /** What clients are asked for follows from the groups and from the plugin that wants it. */
  private contextsFor(tls: LoadedTls): readonly TlsContextSpec[] {
    return withClientRequest(tls.contexts, this.config.now, this.slots.clientCertificates.get())
  }

  private configureTls(tls: LoadedTls | undefined = this.tls): void {
    if (!tls || !this.info) return
    const contexts = this.contextsFor(tls)
    if (JSON.stringify(contexts) === JSON.stringify(this.contexts)) return
    this.dataPlane?.configureTls(contexts)
    this.contexts = contexts
  }

  /** Every day: the own certificate is renewed in time, files that were replaced are taken, an end that comes near is told. */
  private watchCertificates(): () => Promise<void> {
    const { clock } = this.parts
    const look = async (): Promise<void> => {
      try {
        this.useTls(await this.loadTls(this.config.now))
      } catch (error) {
        this.foundation?.health.raise('TLS_CERTIFICATE', 'warning', `the certificates stay as they were: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    let looking = Promise.resolve()
    let timer = clock.after(CERTIFICATE_LOOK_MS, function again() {
      looking = look()
      timer = clock.after(CERTIFICATE_LOOK_MS, again)
    })
    return () => {
      timer.cancel()
      return looking
    }
  }

  private reportCertificate(tls: LoadedTls): void {
    const texts = tls.findings.map(({ text }) => text)
    if (texts.length > 0) this.foundation?.health.raise('TLS_CERTIFICATE', 'warning', texts.join('; '))
    else this.foundation?.health.clear('TLS_CERTIFICATE')
  }
}
