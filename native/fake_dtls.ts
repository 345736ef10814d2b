import type { DtlsDownReason, DtlsOffer, TunnelSpec } from '../core/dataplane.ts'
import type { FakeClient } from './fake_client.ts'
import type { Frame } from './fake_frames.ts'

/** How a client tries to open its DTLS channel. */
export interface FakeHello {
  /** `session_id` of the ClientHello. */
  readonly id: Uint8Array
  /** The client of the tunnel, whose TLS connection gives the key; or the master secret it sent with CONNECT. */
  readonly key: FakeClient | Uint8Array
  /** OpenSSL's names; default: whatever the gateway offers. */
  readonly ciphers?: readonly string[]
}

/** The tunnel's end of a fake DTLS channel. */
export interface DtlsEnd {
  /** The first record has come: the channel takes the place of the one before. */
  confirm(channel: FakeDtls): void
  record(channel: FakeDtls, type: number, payload: Buffer): void
  dtlsEnded(channel: FakeDtls, reason: DtlsDownReason): void
}

/** The client's end of a DTLS channel after its handshake; made by `fake.connectDtls()`. The gateway hears of it with the first record. */
export class FakeDtls {
  readonly #received: Frame[] = []
  #confirmed = false
  /** One of the two has ended it. */
  closed = false

  /** `former`: with the offer's former secret. */
  constructor(readonly cipher: string, private readonly gateway: DtlsEnd, readonly former = false) {}

  /** One record: type as in CSTP, then its payload. */
  write(type: number, payload: Uint8Array | string = ''): void {
    if (this.closed) return
    if (!this.#confirmed) {
      this.#confirmed = true
      this.gateway.confirm(this)
    }
    this.gateway.record(this, type, Buffer.from(payload as Uint8Array))
  }
  /** close_notify. */
  end(): void {
    if (this.closed) return
    this.closed = true
    this.gateway.dtlsEnded(this, 'closed')
  }
  records(): readonly Frame[] {
    return this.#received
  }

  /** For the fake data plane. */
  deliver(type: number, payload: Uint8Array): void {
    if (!this.closed) this.#received.push({ type, payload: Buffer.from(payload) })
  }
}

/** A tunnel that has an offer. */
interface Offering extends DtlsEnd {
  readonly spec: TunnelSpec
  readonly client: FakeClient
}

/** session_id -> tunnel; the newest tunnel of an id wins. */
export class FakeDtlsTable<T extends Offering> {
  readonly #byId = new Map<string, T>()

  enter(tunnel: T): void {
    if (tunnel.spec.dtls) this.#byId.set(hex(tunnel.spec.dtls.id), tunnel)
  }
  remove(tunnel: T, offer = tunnel.spec.dtls): void {
    if (offer && this.#byId.get(hex(offer.id)) === tunnel) this.#byId.delete(hex(offer.id))
  }
  /** undefined: the gateway does not answer. */
  handshake({ id, key, ciphers }: FakeHello): FakeDtls | undefined {
    const tunnel = this.#byId.get(hex(id))
    const offer = tunnel?.spec.dtls
    if (!tunnel || !offer) return undefined
    const secret = key instanceof Uint8Array ? key : pskOf(key)
    const former = offer.formerSecret !== undefined && Buffer.compare(secret, offer.formerSecret) === 0
    const known = former || Buffer.compare(secret, offer.mode === 'psk' ? pskOf(tunnel.client) : offer.masterSecret ?? new Uint8Array()) === 0
    const cipher = offer.ciphers.find((name) => ciphers?.includes(name) ?? true)
    return known && cipher !== undefined ? new FakeDtls(cipher, tunnel, former) : undefined
  }
  secretOf(id: Uint8Array): Uint8Array | undefined {
    const tunnel = this.#byId.get(hex(id))
    return tunnel?.spec.dtls?.mode === 'psk' ? pskOf(tunnel.client) : undefined
  }
}

/** A secret that is not given again stays as it was. */
export const keepsOffer = (before: DtlsOffer | undefined, after: DtlsOffer | undefined): boolean =>
  JSON.stringify(before && plain(before)) === JSON.stringify(after && plain({ ...before, ...after }))
/** The exporter of a fake TLS connection. */
const pskOf = ({ handle }: FakeClient): Uint8Array => Buffer.alloc(32, `psk of ${handle} `)
const plain = ({ mode, id, masterSecret, ciphers, helloVerify, formerSecret }: DtlsOffer): unknown => [mode, hex(id), masterSecret && hex(masterSecret), ciphers, helloVerify, formerSecret && hex(formerSecret)]

/** Callers wipe the secrets they hand over. */
export const copied = (spec: TunnelSpec): TunnelSpec =>
  spec.dtls ? { ...spec, dtls: { ...spec.dtls, ...(spec.dtls.masterSecret && { masterSecret: Buffer.from(spec.dtls.masterSecret) }), ...(spec.dtls.formerSecret && { formerSecret: Buffer.from(spec.dtls.formerSecret) }) } } : spec

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
