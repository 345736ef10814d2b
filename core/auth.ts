import type { PolicyLayer } from './policy/policy.ts'

/** Who someone proved to be. */
export interface Identity {
  /** Canonical name. */
  readonly user: string
  /** Groups the back-end knows for the user, in order; empty: the gateway's first group. */
  readonly groups: readonly string[]
  /** Policy the back-end hands over, e.g. RADIUS attributes. */
  readonly attributes?: PolicyLayer
  /** Name of the back-end. */
  readonly source: string
  /** The groups are an order of the back-end: the first that exists at the host counts, whatever the user picked. */
  readonly groupsDecide?: boolean
  /** What the back-end wants to see again of this session (RADIUS Class and State ...): opaque text, kept with the session's row, at most 4 KiB. */
  readonly ticket?: string
}

export interface AuthField {
  readonly kind: 'text' | 'password' | 'hidden' | 'sso'
  /** Name on the wire: `username`, `password`, `secondary_password`, `sso-token` ... */
  readonly name: string
  readonly label: string
  readonly value?: string
}
/** A login in a browser beside the client (reference/protocol section 4). */
export interface BrowserLogin {
  /** Absolute https URLs of this gateway: where the browser begins, and where it stands when all is done (compared as text). */
  readonly url: string
  readonly finalUrl: string
  readonly tokenCookie: string
  readonly errorCookie: string
  /** `external`: the system's browser, which hands the token over to the client on localhost. */
  readonly mode: 'embedded' | 'external'
}
/** A form as data; the transport turns it into XML or HTML. */
export interface AuthForm {
  /** `main`, `challenge`, `passwd`. */
  readonly id: string
  readonly message: string
  readonly fields: readonly AuthField[]
  /** With a field of kind `sso`. */
  readonly browser?: BrowserLogin
}

/** Why somebody was refused; the transport maps it to the text a client shows. */
export type RefusalReason =
  | 'wrong-credentials' | 'locked' | 'expired' | 'not-in-group' | 'too-many-tries' | 'too-many-sessions' | 'server-full' | 'address' | 'unavailable' | 'internal'
  | 'certificate-refused' // wanted and not there, or not acceptable
  | 'banned' // too many failures from there
  | 'password-expired' // and it cannot be changed here

export type AuthStep =
  | { readonly kind: 'form'; readonly form: AuthForm; answer(values: ReadonlyMap<string, string>): Promise<AuthStep> }
  | { readonly kind: 'identity'; readonly identity: Identity }
  /** The client shall come again on a new connection with a certificate, or say that it has none. */
  | { readonly kind: 'certificate-wanted' }
  /** The certificate of the connection is good, and the client shall show another inside the login. `undefined`: it has answered without one. */
  | { readonly kind: 'second-certificate'; readonly hashes: readonly string[]; answer(second: SecondCertificate | undefined): Promise<AuthStep> }
  /** `wrong-credentials`: the same dialogue may go on with its first form. `detail`: for log and audit alone. `text`: instead of the reason's own, in the client. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly user?: string; readonly detail?: string; readonly text?: string }

/** A certificate that a client shows inside the login, and what it has signed with the key (reference/protocol section 5). Nothing of it has been judged. */
export interface SecondCertificate {
  /** PKCS #7 that holds certificates alone, in any order. */
  readonly certificates: Uint8Array
  /** As the client names it; perhaps none of the `hashes` that were offered. */
  readonly hash: string
  readonly signature: Uint8Array
  /** What was to be signed: made for this login, and taken once. */
  readonly signed: Uint8Array
}

export interface AuthContext {
  /** Address of the client, without port. */
  readonly peer: string
  readonly group: string
  /** The virtual host of the login; undefined: the gateway itself. */
  readonly host?: string | undefined
  /** `https://vpn.example.com`, with a port other than 443: as the client has reached the gateway. */
  readonly origin: string
  readonly userAgent: string
  /** What the client says of itself: `auth-method` capabilities, `device-id`, `unique-id`. */
  readonly capabilities: readonly string[]
  readonly platform?: string | undefined
  readonly uniqueId?: string | undefined
  /** Of its TLS connection, DER, leaf first; empty without one. The chain has not been judged. */
  readonly certificates: readonly Uint8Array[]
  /** The client was asked for a certificate and has said that it has none. */
  readonly certificateMissing: boolean
  /** P-256 SPKI, DER (reference/protocol sections 4.3 and 4.4). */
  readonly strapKey?: Uint8Array | undefined
  readonly strapDhKey?: Uint8Array | undefined
  /** Identity proved by earlier steps of the chain; with `decoy` only a name that somebody claims. */
  readonly identity?: Identity
  /**
   * An earlier step of the chain has failed, and nobody may learn which: the step asks as it would ask anybody, and every
   * answer is wrong. A back-end that cannot do that refuses at once.
   */
  readonly decoy?: boolean
  /** What `detach` took out of the answer to the step before. */
  readonly detached?: string
}
/** One kind of login step, named as in `auth = [["local"]]`. */
export interface AuthBackend {
  readonly name: string
  /** False: this client cannot take the step (no browser ...), and the next alternative is tried. */
  suits?(context: AuthContext): boolean
  /** Takes out of the answer to the step before what was typed there for this one: a code behind a password. undefined: nothing. */
  detach?(answers: ReadonlyMap<string, string>): { readonly rest: ReadonlyMap<string, string>; readonly detached: string } | undefined
  begin(context: AuthContext): AuthStep | Promise<AuthStep>
}

/** Somebody tries to log in: asked before an answer is judged, told how it went. Addresses without port. */
export interface LoginAttempt {
  readonly peer: string
  readonly group: string
  /** As typed, trimmed, at most 128 characters; undefined where the step has none. */
  readonly user: string | undefined
  /** Holds a valid cookie or a certificate that was accepted: a ban of its address does not count. */
  readonly trusted: boolean
  /** Whether somebody still waits for the answer: a delay holds no place for a client that has left. Absent: somebody does. */
  connected?(): boolean
}
/** Nobody gets in from there: what a client or browser is told instead of a form. */
export interface Barred {
  /** One line. */
  readonly text: string
  /** Seconds until it may end by itself; absent: it does not. */
  readonly retryAfterSec?: number
}
export interface LoginGuard {
  readonly name: string
  /** Whether every login from there would be turned away, whatever the name. Not asked about who is trusted. */
  barred?(peer: string): Barred | undefined
  /** Resolves when the answer may be judged, after a delay perhaps; or with why not. */
  admit(attempt: LoginAttempt): Promise<{ readonly reason: RefusalReason; readonly text?: string } | undefined>
  failed(attempt: LoginAttempt): void
  succeeded(attempt: LoginAttempt): void
}
