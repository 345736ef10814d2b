import type { AuthBackend, AuthContext, AuthForm, AuthStep, Audit, Identity, Logger } from '../../core/api.ts'
import type { AuthTotpConfig } from './config.ts'
import { Enrolling, type EnrollingParts } from './enrolling.ts'
import type { SecondFactor } from './second-factor.ts'
import { spelled } from './totp-code.ts'

export interface TotpBackendParts extends EnrollingParts {
  readonly factor: SecondFactor
  readonly audit: Audit
  readonly log: Logger
  readonly config: () => AuthTotpConfig
  /** What apps call the gateway. */
  readonly issuer: () => string
}

/** The `totp` step of a login: a code of the user whom the steps before have proved. */
export class TotpBackend implements AuthBackend {
  readonly name = 'totp'

  constructor(private readonly parts: TotpBackendParts) {}

  /** The six digits behind a password, where that is allowed. */
  detach(answers: ReadonlyMap<string, string>): { readonly rest: ReadonlyMap<string, string>; readonly detached: string } | undefined {
    const [, password, code] = /^(.+)([0-9]{6})$/s.exec(answers.get('password') ?? '') ?? []
    if (!this.parts.config().appended || password === undefined || code === undefined) return undefined
    return { rest: new Map(answers).set('password', password), detached: code }
  }

  begin({ identity, decoy, detached, peer }: AuthContext): AuthStep {
    if (decoy === true) return detached === undefined ? asked(CODE_FORM, () => WRONG) : WRONG
    if (!identity) return { kind: 'refused', reason: 'unavailable', detail: 'totp is no first step: it needs the name that another step proves' }
    if (this.parts.table.get(identity.user)) return detached !== undefined ? this.judged(identity, detached) : asked(CODE_FORM, (answer) => this.judged(identity, answer))
    if (this.parts.config().enrol === 'first-login') return this.enrolment(identity, new Enrolling(identity.user, peer, this.parts))
    return { kind: 'refused', reason: 'unavailable', user: identity.user, detail: 'no second factor', text: NOT_ENROLLED }
  }

  private judged(identity: Identity, answer: string): AuthStep {
    const { factor, log } = this.parts
    const judgement = factor.judge(identity.user, answer)
    if (!judgement.right) return { kind: 'refused', reason: 'wrong-credentials', user: identity.user, detail: judgement.why }
    if (judgement.by === 'recovery-code') {
      log.warn('a recovery code was used', { user: identity.user, left: judgement.recoveryCodesLeft })
      this.parts.audit.record({ action: 'user.totp', actor: identity.user, subject: identity.user, ok: true, detail: `recovery code used, ${judgement.recoveryCodesLeft ?? 0} left` })
    }
    return this.proved(identity)
  }

  private enrolment(identity: Identity, enrolling: Enrolling, error?: string): AuthStep {
    const form = enrolmentForm(enrolling, this.parts.issuer(), error)
    return asked(form, (answer) => {
      const done = enrolling.confirm(answer)
      if (done.kind === 'enrolled') return asked(recoveryForm(done.recoveryCodes), () => this.proved(identity))
      if (done.kind === 'wrong' && done.again) return this.enrolment(identity, enrolling, 'That was not the code of this key. Please wait for the next one and check the clock of your phone.')
      return { kind: 'refused', reason: 'wrong-credentials', user: identity.user, detail: done.kind === 'taken' ? 'enrolled meanwhile by another login' : 'no right first code' }
    })
  }

  private proved({ user }: Identity): AuthStep {
    return { kind: 'identity', identity: { user, groups: [], source: this.name } }
  }
}

const WRONG: AuthStep = { kind: 'refused', reason: 'wrong-credentials' }
const NOT_ENROLLED = 'You need a second factor to log in here. Please ask your administrator for one.'

/** The form's id is what makes `openconnect --token-mode=totp` fill it (reference/protocol section 3.2). */
const CODE_FORM: AuthForm = {
  id: 'challenge',
  message: 'Please enter the six-digit code of your authenticator app, or one of your recovery codes.',
  fields: [{ kind: 'password', name: 'password', label: 'Code:' }],
}

const enrolmentForm = (enrolling: Enrolling, issuer: string, error: string | undefined): AuthForm => ({
  ...CODE_FORM,
  message: [
    ...(error === undefined ? [] : [error]),
    'This login needs a second factor. Add this key to an authenticator app on your phone (type: time based):',
    spelled(enrolling.secret),
    enrolling.uri(issuer),
    'Then enter the six-digit code that the app shows.',
  ].join('\n'),
})

const recoveryForm = (codes: readonly string[]): AuthForm => ({
  id: 'challenge',
  message: ['Your second factor is set up. Write down these recovery codes: each lets you in once without your phone, and they are not shown again.', ...codes].join('\n'),
  fields: [{ kind: 'text', name: 'answer', label: 'Written down (yes):' }],
})

/** One field, one answer. */
function asked(form: AuthForm, judge: (answer: string) => AuthStep): AuthStep {
  const field = form.fields[0]?.name ?? ''
  return { kind: 'form', form, answer: async (values) => judge(values.get(field) ?? '') }
}
