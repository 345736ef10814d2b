import type { AuthForm, Barred, Identity, RefusalReason } from '../../core/api.ts'

/** Why a login, or one way to log in, came to nothing. */
export interface Failure {
  readonly reason: RefusalReason
  /** What the client hears instead, where the reason would tell which step it was. */
  readonly shownAs?: RefusalReason | undefined
  readonly user?: string | undefined
  /** Back-end that refused, or guard. */
  readonly step?: string | undefined
  /** For log and audit. */
  readonly detail?: string | undefined
  /** For the client, instead of the reason's own. */
  readonly text?: string | undefined
  readonly cause?: unknown
}
export type DialogueOutcome =
  | { readonly kind: 'form'; readonly form: AuthForm; readonly failure?: Failure }
  /** Too many answers for this user are being judged; nothing was done with this one. */
  | { readonly kind: 'busy'; readonly form: AuthForm }
  | { readonly kind: 'identity'; readonly identity: Identity; readonly chain: readonly string[] }
  | { readonly kind: 'certificate-wanted' }
  | { readonly kind: 'second-certificate'; readonly hashes: readonly string[] }
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** Every answer to its first form would be turned away. */
  | { readonly kind: 'barred'; readonly barred: Barred; readonly failure: Failure }
