/** What came of a chain. `chain` is DER, leaf first, up to the authority; empty unless good. */
export interface ChainVerdict {
  /** 0 = good, else OpenSSL's `X509_V_ERR_...`. */
  readonly error: number
  /** Of the certificate that the error is about; 0 = the leaf. */
  readonly depth: number
  readonly text: string
  readonly chain: readonly Uint8Array[]
}
/** What a responder has said. Times in seconds since 1970; `nextUpdate` 0: it names none. */
export interface OcspVerdict {
  /** `unusable`: the answer proves nothing, and `text` says why. */
  readonly status: 'good' | 'revoked' | 'unknown' | 'unusable'
  readonly text: string
  readonly revokedAt: number
  readonly nextUpdate: number
}

export interface ChainRules {
  /** Wall clock, ms. */
  readonly now: number
  /** A revocation list counts beyond its next update. */
  readonly stale: boolean
  /** The leaf needs a list of its issuer; else one counts where it is there. */
  readonly listed: boolean
}
/** Authorities and revocation lists, read once. */
export interface TrustStore {
  /** DER as it was sent, leaf first; bounded by the caller in number and size. */
  verify(chain: readonly Uint8Array[], rules: ChainRules): ChainVerdict
  /** Of a chain that was found good. The answer must be the issuer's own, or of a responder whom it has certified. */
  ocspVerdict(chain: readonly Uint8Array[], request: Uint8Array, answer: Uint8Array): OcspVerdict
}

/** What the data plane's OpenSSL does with certificates of clients (native/src/chain_verifier.h says what it looks at). */
export interface X509 {
  /** PEM of the authorities, each trusted by itself; DER of the lists. Throws `DATA_PLANE` for what cannot be read. */
  trustStore(authorities: string, lists: readonly Uint8Array[]): TrustStore
  /** DER of a question with a nonce. */
  ocspRequest(leaf: Uint8Array, issuer: Uint8Array): Uint8Array
  /** A certificate with its key (PKCS #8) and its authority as a file that needs a password; all DER. `modern`: without triple DES and SHA-1, which older systems want. */
  pkcs12(parts: { readonly certificate: Uint8Array; readonly key: Uint8Array; readonly authority: Uint8Array; readonly name: string; readonly password: string; readonly modern: boolean }): Uint8Array
}
