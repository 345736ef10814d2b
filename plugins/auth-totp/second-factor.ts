import type { Clock, Logger } from '../../core/api.ts'
import { Allowance } from './allowance.ts'
import { recoveryCodeIn } from './recovery-code.ts'
import { codeIn, matchingStep } from './totp-code.ts'
import type { TotpTable } from './totp-table.ts'

/**
 * Wrong codes of one user that are judged in a row, and the time after which one more is (RFC 4226 section 7.3): who has the
 * password has a chance of one in a thousand for each day of guessing.
 */
export const BURST = 10
export const REFILL_MS = 300_000

export type Judgement =
  | { readonly right: true; readonly by: 'code' | 'recovery-code'; readonly recoveryCodesLeft?: number }
  /** `why`: for log and audit alone. */
  | { readonly right: false; readonly why: string }

/** Judges what a user answers; whatever is right counts once, across restarts and between two logins at once. */
export class SecondFactor {
  private readonly wrongCodes: Allowance

  constructor(
    private readonly table: TotpTable,
    private readonly clock: Clock,
    private readonly log: Pick<Logger, 'error'>,
  ) {
    this.wrongCodes = new Allowance(clock, BURST, REFILL_MS)
  }

  /** Of an enrolled user. */
  judge(user: string, typed: string): Judgement {
    const key = user.toLowerCase()
    if (!this.wrongCodes.mayTry(key)) return wrong('too many wrong codes of this user, none is judged for now')
    const judgement = this.compared(user, typed)
    if (judgement.right) this.wrongCodes.right(key)
    else this.wrongCodes.wrong(key)
    return judgement
  }

  private compared(user: string, typed: string): Judgement {
    const code = codeIn(typed)
    if (code === undefined) return this.recovered(user, typed)
    let secret: Uint8Array | undefined
    try {
      secret = this.table.secret(user)
    } catch (error) {
      this.log.error('a second factor cannot be verified', { user, error })
      return wrong('the second factor cannot be opened')
    }
    if (!secret) return wrong('no second factor')
    const step = matchingStep(secret, code, this.clock.now())
    if (step === undefined) return wrong('wrong code')
    return this.table.use(user, step) ? { right: true, by: 'code' } : wrong('the code was used before')
  }

  private recovered(user: string, typed: string): Judgement {
    const code = recoveryCodeIn(typed)
    if (code === undefined || !this.table.useRecoveryCode(user, code)) return wrong('wrong code')
    return { right: true, by: 'recovery-code', recoveryCodesLeft: this.table.get(user)?.recoveryCodesLeft ?? 0 }
  }
}

const wrong = (why: string): Judgement => ({ right: false, why })
