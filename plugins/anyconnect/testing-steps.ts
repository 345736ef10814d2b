import type { AuthBackend, AuthContext, AuthStep, LoginAttempt, LoginGuard, RefusalReason, SecondCertificate } from '../../core/api.ts'

/** Judges the certificate of the connection: the step that asks nothing. */
export const certificate = (verdict: AuthStep = { kind: 'identity', identity: { user: 'test', groups: ['staff'], source: 'certificate' } }): AuthBackend => ({
  name: 'certificate',
  begin: ({ certificates, certificateMissing }) => (certificates.length > 0 ? verdict : certificateMissing ? { kind: 'refused', reason: 'certificate-refused', detail: 'the client has none' } : { kind: 'certificate-wanted' }),
})
/** Wants a second certificate whose bytes are `second`, and keeps what came. */
export const multipleCertificate = (heard: (SecondCertificate | undefined)[] = []): AuthBackend => ({
  name: 'multiple-certificate',
  begin: () => ({
    kind: 'second-certificate', hashes: ['sha256', 'sha512'],
    answer: (second) => Promise.resolve(heard.push(second) && second && Buffer.from(second.certificates).equals(Buffer.from('second'))
      ? { kind: 'identity', identity: { user: 'test', groups: [], source: 'multiple-certificate' } }
      : { kind: 'refused', reason: 'certificate-refused', detail: 'the second is wrong' }),
  }),
})
/** A code behind whatever proved the name. */
export class CodeBackend implements AuthBackend {
  readonly seen: AuthContext[] = []
  constructor(readonly name = 'totp') {}
  begin(context: AuthContext): AuthStep {
    this.seen.push(context)
    return {
      kind: 'form', form: { id: 'challenge', message: 'Code', fields: [{ kind: 'password', name: 'answer', label: 'Code:' }] },
      answer: (answers) => Promise.resolve(context.decoy !== true && answers.get('answer') === '42'
        ? { kind: 'identity', identity: { user: context.identity?.user ?? '', groups: [], source: this.name } }
        : { kind: 'refused', reason: 'wrong-credentials', user: context.identity?.user ?? '', text: 'The code is wrong.' }),
    }
  }
}
export const refusing = (name: string, reason: RefusalReason, asks = true): AuthBackend => {
  const refused: AuthStep = { kind: 'refused', reason, user: 'test', text: `${name} says no` }
  return {
    name,
    begin: () => asks ? { kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }, { kind: 'password', name: 'password', label: '' }] }, answer: () => Promise.resolve(refused) } : refused,
  }
}
export class ListingGuard implements LoginGuard {
  readonly name = 'guard'
  readonly heard: string[] = []
  readonly attempts: LoginAttempt[] = []
  refusal: { reason: RefusalReason; text: string } | undefined
  admit(attempt: LoginAttempt) {
    this.attempts.push(attempt)
    this.heard.push(`admit ${attempt.user ?? '-'}${attempt.trusted ? ' trusted' : ''}`)
    return Promise.resolve(this.refusal)
  }
  failed = ({ user }: LoginAttempt): void => void this.heard.push(`failed ${user ?? '-'}`)
  succeeded = ({ user }: LoginAttempt): void => void this.heard.push(`succeeded ${user ?? '-'}`)
}
