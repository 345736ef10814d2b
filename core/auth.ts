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
}

export interface AuthField {
  readonly kind: 'text' | 'password' | 'hidden'
  /** Name on the wire: `username`, `password`, `secondary_password` ... */
  readonly name: string
  readonly label: string
  readonly value?: string
}
/** A form as data; the transport turns it into XML or HTML. */
export interface AuthForm {
  /** `main`, `challenge`, `passwd`. */
  readonly id: string
  readonly message: string
  readonly fields: readonly AuthField[]
}

/** Why somebody was refused; the transport maps it to the text a client shows. */
export type RefusalReason =
  | 'wrong-credentials' | 'locked' | 'expired' | 'not-in-group' | 'too-many-tries' | 'too-many-sessions' | 'server-full' | 'address' | 'unavailable' | 'internal'
  | 'certificate-refused' // wanted and not there, or not acceptable

export type AuthStep =
  | { readonly kind: 'form'; readonly form: AuthForm; answer(values: ReadonlyMap<string, string>): Promise<AuthStep> }
  | { readonly kind: 'identity'; readonly identity: Identity }
  /** `retry`: the same dialogue may go on with this form. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly user?: string }

export interface AuthContext {
  /** Address of the client, without port. */
  readonly peer: string
  readonly group: string
  readonly userAgent: string
  /** Identity proved by earlier steps of the chain. */
  readonly identity?: Identity
}
/** One kind of login step, named as in `auth = [["local"]]`. */
export interface AuthBackend {
  readonly name: string
  begin(context: AuthContext): AuthStep | Promise<AuthStep>
}
