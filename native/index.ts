import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type {
  ConnectionHandle, DataPlane, DataPlaneHandler, DeviceSpec, DropHow, OpenInfo, OpenSpec, Promotion, StatName, TlsContextSpec, TunnelCounters, TunnelHandle, TunnelSpec,
} from '../core/dataplane.ts'
import { STATS, TUNNEL_COUNTERS } from '../core/dataplane.ts'
import { DataPlaneError } from '../core/errors.ts'
import type { TrustStore, X509 } from '../core/x509.ts'
import type { Binding } from './binding.d.ts'
import { Dispatcher, readCounters } from './dispatcher.ts'

const HOW: Readonly<Record<DropHow, number>> = { disconnect: 0, terminate: 1, close: 2 }

/** The C++ data plane of this process; only one may be open at a time. `addonPath` is for builds with sanitizers. */
export function createDataPlane(addonPath: string = findAddon()): DataPlane {
  return new NativeDataPlane(load(addonPath))
}

/** crypt(3) of the system, for hashes that came with users of another gateway. The addon is loaded at the first one. */
export function createCrypt(addonPath?: string): { matches(hash: string, password: string): Promise<boolean> } {
  let binding: Binding | undefined
  return {
    async matches(hash, password) {
      binding ??= createRequire(import.meta.url)(addonPath ?? findAddon()) as Binding
      return binding.crypt(hash, password)
    },
  }
}

/** From now on no core file has the memory of this process, and no other process of the same user reads it without the right to trace. */
export function forbidCoreDumps(addonPath = findAddon()): void {
  load(addonPath).forbidCoreDumps()
}

/** Certificates of clients, by the OpenSSL of this process. The addon is loaded at the first store. */
export function createX509(addonPath?: string): X509 {
  let binding: Binding | undefined
  const loaded = (): Binding => (binding ??= createRequire(import.meta.url)(addonPath ?? findAddon()) as Binding)
  return {
    trustStore(authorities, lists): TrustStore {
      const addon = loaded()
      const store = translated(() => addon.trustStore(authorities, lists))
      return {
        verify: (chain, { now, stale, listed }) => addon.verifyChain(store, chain, Math.floor(now / 1000), stale, listed),
        ocspVerdict: (chain, request, answer) => addon.ocspVerdict(store, chain, request, answer),
      }
    },
    ocspRequest: (leaf, issuer) => loaded().ocspRequest(leaf, issuer),
    pkcs12: ({ certificate, key, authority, name, password, modern }) => loaded().pkcs12(certificate, key, authority, name, password, modern),
  }
}

function load(addonPath: string): Binding {
  const require = createRequire(import.meta.url)
  try {
    return require(addonPath) as Binding
  } catch (cause) {
    throw new DataPlaneError('ERR_ADDON', 'load', `cannot load ${addonPath}: ${cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)}`, { cause })
  }
}

/** Beside the bundle, else where node-gyp leaves it: seen from native/ as from dist/. */
function findAddon(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const places = [join(here, 'postern.node'), join(here, 'build/Release/postern.node'), join(here, '../native/build/Release/postern.node')]
  const found = places.find((path) => existsSync(path))
  if (found === undefined) throw new DataPlaneError('ENOENT', 'load', `the data plane is not built: ${places.join(', ')} do not exist (make build)`)
  return found
}

class NativeDataPlane implements DataPlane {
  #dispatcher: Dispatcher | undefined
  readonly #counters = new BigUint64Array(TUNNEL_COUNTERS.length)
  // Threads must be gone before the process is; nobody is told, for nobody could act on it.
  readonly #stopAtExit = (): void => void this.binding.stop()

  constructor(private readonly binding: Binding) {}

  open(spec: OpenSpec, tls: readonly TlsContextSpec[], handler: DataPlaneHandler): OpenInfo {
    const dispatcher = new Dispatcher(handler)
    const info = translated(() => this.binding.open(spec, tls, (bytes, meta) => dispatcher.batch(bytes, meta)))
    this.#dispatcher = dispatcher
    process.on('exit', this.#stopAtExit)
    return info
  }
  configureTls(contexts: readonly TlsContextSpec[]): void {
    translated(() => this.binding.configureTls(contexts))
  }
  configureDevice({ addresses, routes }: DeviceSpec): readonly string[] {
    return this.binding.configureDevice(addresses, routes)
  }
  grant(handle: ConnectionHandle, seq: number): void {
    this.binding.grant(handle, seq)
  }
  write(handle: ConnectionHandle, bytes: Uint8Array, notify: boolean): void {
    this.binding.write(handle, bytes, notify)
  }
  end(handle: ConnectionHandle): void {
    this.binding.end(handle)
  }
  destroy(handle: ConnectionHandle, reset: boolean): void {
    this.binding.destroy(handle, reset)
  }
  promote({ connection, tunnel, spec, head, early, seen }: Promotion): void {
    translated(() => this.binding.promote(connection, tunnel, spec, head, early, seen))
  }
  updateTunnel(tunnel: TunnelHandle, spec: TunnelSpec): void {
    translated(() => this.binding.updateTunnel(tunnel, spec))
  }
  drop(tunnel: TunnelHandle, how: DropHow, text: string): void {
    this.binding.drop(tunnel, HOW[how], text)
  }
  dtlsSecret(id: Uint8Array): Uint8Array | undefined {
    return this.binding.dtlsSecret(id)
  }
  tunnelCounters(tunnel: TunnelHandle): TunnelCounters | undefined {
    return this.binding.counters(tunnel, this.#counters) ? readCounters(this.#counters) : undefined
  }
  alive(): boolean {
    return this.binding.alive()
  }
  stats(): Readonly<Record<StatName, bigint>> {
    const words = new BigUint64Array(STATS.length)
    this.binding.stats(words)
    return Object.fromEntries(STATS.map((name, index) => [name, words[index] ?? 0n])) as Record<StatName, bigint>
  }
  stop(): void {
    const dispatcher = this.#dispatcher
    if (dispatcher === undefined) return
    this.#dispatcher = undefined
    process.off('exit', this.#stopAtExit)
    const last = this.binding.stop()
    if (last !== undefined) dispatcher.end(last.bytes, last.meta)
  }
}

/** Errors of the addon carry `errno` and `op`. */
function translated<T>(call: () => T): T {
  try {
    return call()
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    const { errno, op } = cause as Error & { readonly errno?: string; readonly op?: string }
    throw errno === undefined ? cause : new DataPlaneError(errno, op ?? '', cause.message)
  }
}
