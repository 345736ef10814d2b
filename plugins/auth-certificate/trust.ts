import { GatewayError, type ChainVerdict, type ClientCertificates, type OcspVerdict, type X509 } from '../../core/api.ts'
import { nextUpdateOf } from './list-times.ts'

/** Whom the gateway believes: authorities, and what they have revoked. */
export interface TrustParts {
  /** PEM; empty: nobody. */
  readonly authorities: string
  /** DER. */
  readonly lists: readonly Uint8Array[]
}
export interface RevocationRules {
  readonly stale: boolean
  readonly listed: boolean
}
type Loaded = { readonly authorities: string; readonly store: ReturnType<X509['trustStore']>; readonly nextUpdate: number | undefined }

/** The trust in force; replaced as a whole. */
export class Trust implements ClientCertificates {
  readonly backends = ['certificate', 'multiple-certificate']
  private loaded: Loaded | undefined
  private changed: () => void = () => undefined

  constructor(private readonly x509: X509) {}

  /** Throws `TLS_CERTIFICATE` and has changed nothing. */
  use(parts: TrustParts): void {
    this.prepare(parts)()
  }
  /** What is returned puts it in force. Throws `TLS_CERTIFICATE`. */
  prepare({ authorities, lists }: TrustParts): () => void {
    const ends = lists.flatMap((list) => nextUpdateOf(list) ?? [])
    try {
      const loaded = { authorities, store: this.x509.trustStore(authorities, lists), nextUpdate: ends.length > 0 ? Math.min(...ends) : undefined }
      return () => this.replace(loaded)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      throw new GatewayError('TLS_CERTIFICATE', `an authority or a revocation list ${error.message}`, { cause: error })
    }
  }
  /** Nobody is believed. */
  none(): void {
    this.replace(undefined)
  }

  authorities(): string | undefined {
    return this.loaded?.authorities || undefined
  }
  watch(changed: () => void): void {
    this.changed = changed
  }
  /** When the first of the lists ends, ms. */
  get nextUpdate(): number | undefined {
    return this.loaded?.nextUpdate
  }

  private replace(loaded: Loaded | undefined): void {
    const before = this.authorities()
    this.loaded = loaded
    if (this.authorities() !== before) this.changed()
  }

  /** undefined: there is nobody to believe. `chain` is within `chainProblem`. */
  verify(chain: readonly Uint8Array[], now: number, rules: RevocationRules): ChainVerdict | undefined {
    return this.loaded?.store.verify(chain, { now, ...rules })
  }
  /** Of a certificate that stands for itself: its dates, its key, its purpose. */
  verifyAlone(leaf: Uint8Array, now: number): ChainVerdict {
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(leaf).toString('base64')}\n-----END CERTIFICATE-----\n`
    return this.x509.trustStore(pem, []).verify([leaf], { now, stale: false, listed: false })
  }
  /** Whether it is a revocation list. */
  readable(list: Uint8Array): boolean {
    try {
      this.x509.trustStore('', [list])
      return true
    } catch (error) {
      if (error instanceof GatewayError) return false
      throw error
    }
  }
  ocspRequest(leaf: Uint8Array, issuer: Uint8Array): Uint8Array {
    return this.x509.ocspRequest(leaf, issuer)
  }
  ocspVerdict(chain: readonly Uint8Array[], request: Uint8Array, answer: Uint8Array): OcspVerdict {
    return this.loaded?.store.ocspVerdict(chain, request, answer) ?? { status: 'unusable', text: 'no authority is known', revokedAt: 0, nextUpdate: 0 }
  }
}
