import { randomBytes } from 'node:crypto'
import type { Audit, Clock } from '../../core/api.ts'
import { makeRecoveryCodes } from './recovery-code.ts'
import { codeIn, enrolmentUri, matchingStep, SECRET_BYTES } from './totp-code.ts'
import type { TotpTable } from './totp-table.ts'

/** Wrong first codes of one enrolment. */
export const FIRST_CODE_TRIES = 5

export type Confirmation =
  | { readonly kind: 'enrolled'; readonly recoveryCodes: readonly string[] }
  | { readonly kind: 'wrong'; readonly again: boolean }
  /** Somebody else, with the same password, was quicker. */
  | { readonly kind: 'taken' }

export interface EnrollingParts {
  readonly table: TotpTable
  readonly audit: Audit
  readonly clock: Clock
}

/** A secret that its user has been shown and nothing counts yet: a right code makes it the user's own. */
export class Enrolling {
  readonly secret: Uint8Array = randomBytes(SECRET_BYTES)
  private tries = 0

  constructor(
    readonly user: string,
    /** For the audit. */
    private readonly peer: string,
    private readonly parts: EnrollingParts,
  ) {}

  uri(issuer: string): string {
    return enrolmentUri(issuer, this.user, this.secret)
  }

  confirm(typed: string): Confirmation {
    const { audit, clock, table } = this.parts
    const now = clock.now()
    const code = codeIn(typed)
    const step = this.tries < FIRST_CODE_TRIES && code !== undefined ? matchingStep(this.secret, code, now) : undefined
    if (step === undefined) return { kind: 'wrong', again: ++this.tries < FIRST_CODE_TRIES }
    const recoveryCodes = makeRecoveryCodes()
    if (!table.enrol(this.user, this.secret, step, now, recoveryCodes)) return { kind: 'taken' }
    audit.record({ action: 'user.totp', actor: this.user, subject: this.user, peer: this.peer, ok: true, detail: 'enrolled' })
    return { kind: 'enrolled', recoveryCodes }
  }
}
