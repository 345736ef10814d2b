/** What the addon (`src/addon.cc`) exports. `index.ts` makes the interface of core/dataplane.ts of it. */
import type { ChainVerdict, OcspVerdict } from '../core/x509.ts'
import type { OpenInfo, OpenSpec, TlsContextSpec, TunnelSpec } from '../core/dataplane.ts'

/** Five words for each event: type, handle, offset and length in `bytes`, argument (`src/event.h`). */
export type OnBatch = (bytes: Buffer, meta: Uint32Array) => void

/** An external value of the addon. */
export type TrustStoreHandle = object & { readonly __brand: 'TrustStore' }

/** Errors are thrown with `errno` and `op`. */
export interface Binding {
  open(spec: OpenSpec, contexts: readonly TlsContextSpec[], onBatch: OnBatch): OpenInfo
  /** The events of the end; undefined when nothing was open. No batch comes after it. */
  stop(): { readonly bytes: Buffer; readonly meta: Uint32Array } | undefined
  configureTls(contexts: readonly TlsContextSpec[]): void
  /** One line for each that the kernel refuses. */
  configureDevice(addresses: readonly string[], routes: readonly string[]): readonly string[]
  grant(handle: number, seq: number): void
  write(handle: number, bytes: Uint8Array, notify: boolean): void
  end(handle: number): void
  destroy(handle: number, reset: boolean): void
  promote(handle: number, tunnel: number, spec: TunnelSpec, head: Uint8Array, early: Uint8Array, seen: number): void
  updateTunnel(tunnel: number, spec: TunnelSpec): void
  /** 0 disconnect, 1 terminate, 2 close. */
  drop(tunnel: number, how: number, text: string): void
  /** undefined for an unknown id. */
  dtlsSecret(id: Uint8Array): Uint8Array | undefined
  /** False for an unknown tunnel. */
  counters(tunnel: number, into: BigUint64Array): boolean
  /** Whether the password has that hash of crypt(3); on a thread of libuv's pool. */
  crypt(hash: string, password: string): Promise<boolean>
  /** PEM of the authorities, DER of the revocation lists. Throws `ERR_TLS_PEM`. */
  trustStore(authorities: string, lists: readonly Uint8Array[]): TrustStoreHandle
  /** Seconds since 1970; `stale`: lists count beyond their next update; `listed`: the leaf needs a list. */
  verifyChain(store: TrustStoreHandle, chain: readonly Uint8Array[], at: number, stale: boolean, listed: boolean): ChainVerdict
  ocspRequest(leaf: Uint8Array, issuer: Uint8Array): Uint8Array
  ocspVerdict(store: TrustStoreHandle, chain: readonly Uint8Array[], request: Uint8Array, answer: Uint8Array): OcspVerdict
  /** DER; empty when something cannot be read. */
  pkcs12(certificate: Uint8Array, key: Uint8Array, authority: Uint8Array, name: string, password: string, modern: boolean): Uint8Array
  alive(): boolean
  stats(into: BigUint64Array): void
  /** Of this process, for good. */
  forbidCoreDumps(): void
}
