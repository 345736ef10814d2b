import type { Clock, Logger } from '../../core/api.ts'
import { recoveryCodeIn } from './recovery-code.ts'
import { codeIn, matchingStep } from './totp-code.ts'
import type { TotpTable } from './totp-table.ts'
import type { WrongCodes } from './wrong-codes.ts'

export type Judgement =
  | { readonly right: true; readonly by: 'code' | 'recovery-code'; readonly recoveryCodesLeft?: number }
  /** `why`: for log and audit alone. */
  | { readonly right: false; readonly why: string }

/** Judges what a user answers; whatever is right counts once, across restarts and between two logins at once. */
export class SecondFactor {
  constructor(
    private readonly table: TotpTable,
    private readonly wrongCodes: WrongCodes,
    private readonly clock: Clock,
    private readonly log: Pick<Logger, 'error'>,
  ) {}

  /** Of an enrolled user. */
  judge(user: string, typed: string): Judgement {
    if (!this.wrongCodes.mayTry(user)) return wrong('too many wrong codes of this user, none is judged for now')
    const judgement = this.compared(user, typed)
    if (judgement.right) this.wrongCodes.right(user)
    else this.wrongCodes.wrong(user)
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
