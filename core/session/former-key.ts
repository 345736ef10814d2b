import type { TunnelSpec } from '../dataplane.ts'

/**
 * The key of a session's first tunnel with a pre-shared key. openconnect built on OpenSSL derives it once in the life of
 * its process and goes on using it after every reconnect (reference protocol section 9.8); offered beside the current one it
 * brings such a client's DTLS back.
 *
 * In memory only: on disk it would let whoever gets hold of the disk read DTLS traffic that was recorded before, which
 * no key of a tunnel does. After a restart of the gateway such a client stays on TLS until its process is started anew.
 */
export class FormerKey {
  private key: Uint8Array | undefined
  private offer: Uint8Array | undefined
  private inUse = false

  /** `spec` of the session's next tunnel, with the key where there is one. */
  offered(spec: TunnelSpec): TunnelSpec {
    this.offer = spec.dtls?.mode === 'psk' ? spec.dtls.id : undefined
    if (!this.offer || !this.key || !spec.dtls) return spec
    return { ...spec, dtls: { ...spec.dtls, formerSecret: this.key, formerFirst: this.inUse } }
  }
  /** The tunnel stands. */
  keep(secret: (offer: Uint8Array) => Uint8Array | undefined): void {
    if (this.offer) this.key ??= secret(this.offer)
  }
  /** A handshake has shown which one the client uses. */
  seen(former: boolean): void {
    this.inUse = former
  }
  /** The session is over. */
  wipe(): void {
    this.key?.fill(0)
    this.key = undefined
  }
}
