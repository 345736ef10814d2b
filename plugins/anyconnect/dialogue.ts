import { GatewayError, type AuthContext, type AuthForm, type AuthStep, type LoginGuard, type RefusalReason, type SecondCertificate } from '../../core/api.ts'
import { asksTheSame, suits, type Alternative } from './alternatives.ts'
import { ChainRun, type FormStep } from './chain-run.ts'
import type { DialogueOutcome, Failure } from './dialogue-outcome.ts'
import { FormAnswers } from './form-answers.ts'
import { barredBy, LoginGuards } from './login-guards.ts'
import type { LoginPlaces } from './login-places.ts'
import { mergedIdentity } from './merged-identity.ts'

/** Wrong answers in one dialogue before it ends. */
export const MAX_TRIES = 3
/** Steps and forms that may follow each other without a word of the client. */
const MAX_SILENT = 16

export interface DialogueParts {
  /** In the order of the configuration; which of them suit the client is asked here. */
  readonly alternatives: readonly Alternative[]
  readonly context: Omit<AuthContext, 'identity' | 'decoy'>
  readonly guards?: readonly LoginGuard[]
  readonly places?: LoginPlaces
  /** The client holds the cookie of a session. */
  readonly trusted?: boolean
  /** Tell at once that a step has failed, and which. */
  readonly friendly?: boolean
  /** Failures of an earlier dialogue that goes on in this one. */
  readonly tries?: number
  /** An alternative that could not even begin, and another was taken instead. */
  passedOver?(failure: Failure): void
  /** The client went away between two steps; `failure`: of one of them. */
  abandoned?(failure: Failure): void
}

type SecondStep = Extract<AuthStep, { kind: 'second-certificate' }>
type Opening =
  | { readonly kind: 'form'; readonly step: FormStep }
  | { readonly kind: 'second-certificate'; readonly step: SecondStep }
  | Exclude<DialogueOutcome, { readonly kind: 'form' | 'busy' | 'second-certificate' | 'barred' }>
type Refusal = Extract<Opening, { kind: 'refused' }>

/**
 * One login: alternatives of chains of back-ends, all of which must name the same user. Values in, outcome out; it
 * knows neither HTTP nor XML. The caller does not call `answer` while one is running (`busy`).
 *
 * Whoever fails one of several steps goes through the rest of them like anybody, so that nobody learns which it was.
 */
export class Dialogue {
  private run: ChainRun | undefined
  private step: FormStep | undefined
  private answers: FormAnswers | undefined
  private answered = 0
  private guards: LoginGuards
  private accepted = false
  private tries: number
  private running = false
  private gone = false
  private wanted = false
  private asking: { readonly run: ChainRun; readonly step: SecondStep } | undefined
  /** What came when a second certificate was asked for: it counts for all that follows. */
  private second: { readonly shown: SecondCertificate | undefined } | undefined

  constructor(private readonly parts: DialogueParts) {
    this.tries = parts.tries ?? 0
    this.guards = new LoginGuards(parts.guards ?? [])
  }

  /** Failed attempts so far. */
  get failures(): number {
    return this.tries
  }
  get busy(): boolean {
    return this.running
  }
  /** The form that waits for an answer. */
  get form(): AuthForm | undefined {
    return this.answers?.asked
  }
  /** The client was sent away for a certificate: it is not asked again. */
  get certificateWanted(): boolean {
    return this.wanted
  }
  /** The next answer is a second certificate, or there is none. */
  get secondCertificateWanted(): boolean {
    return this.asking !== undefined
  }

  /** Holds the cookie of a session, or a certificate that was accepted. */
  private get trusted(): boolean {
    return this.parts.trusted === true || this.accepted
  }

  begin(): Promise<DialogueOutcome> {
    return this.guarded(async () => {
      const outcome = await this.restart()
      if (outcome.kind !== 'form' || this.trusted) return outcome
      const barred = barredBy(this.parts.guards ?? [], this.parts.context.peer)
      return barred ? { kind: 'barred', barred, failure: { reason: 'banned', step: barred.guard } } : outcome
    })
  }

  /** Values of a client's form. `connected`: whether somebody still waits for the answer. */
  answer(values: ReadonlyMap<string, string>, connected: () => boolean = () => true): Promise<DialogueOutcome> {
    return this.guarded(async () => {
      const { step, answers, run } = this
      if (!step || !answers || !run) return this.restart()
      answers.take(values)
      if (!answers.complete) return { kind: 'form', form: answers.asked }
      const user = answers.user?.trim().slice(0, 128)
      const { trusted } = this
      const refused = await this.guards.admit({ peer: this.parts.context.peer, group: this.parts.context.group, user, trusted, connected })
      if (refused) return { kind: 'refused', failure: { ...refused.refusal, user: run.proved.at(-1)?.user, step: refused.guard } }
      const leave = this.parts.places ? this.parts.places.enter(user, this.parts.context.peer, trusted) : () => undefined
      if (!leave) {
        // The same answer comes again, and is another attempt.
        if (this.answered === 0) this.guards.forget()
        return { kind: 'busy', form: answers.asked }
      }
      try {
        this.answered++
        run.asked.add(run.step)
        this.step = undefined
        return await this.judge(run, step, answers, await run.answer(step, answers.values))
      } finally {
        leave()
      }
    })
  }

  /** Of a client that was asked for a second certificate; undefined: it has answered without. */
  show(shown: SecondCertificate | undefined): Promise<DialogueOutcome> {
    return this.guarded(async () => {
      const { asking } = this
      if (!asking) return this.restart()
      this.asking = undefined
      this.second = { shown }
      const opening = await this.advance(asking.run, asking.step)
      if (opening.kind !== 'refused') return this.outcomeOf(asking.run, opening)
      this.parts.passedOver?.(opening.failure)
      const { alternatives } = this.parts
      return this.firstOf(alternatives.slice(alternatives.indexOf(asking.run.alternative) + 1), opening.failure)
    })
  }

  /** Counts an attempt that failed behind the back-ends (not in the group) and starts over with the first form. */
  retry(failure: Failure): Promise<DialogueOutcome> {
    return this.guarded(() => this.again(failure))
  }

  /** Nobody will answer any more: what was judged and not finished counts as a failure, right or wrong alike. */
  abandon(): void {
    this.gone = true
    const { run } = this
    if (this.running || !run || !this.guards.pending || this.answered === 0) return
    this.guards.failed()
    const { reason, user, step, detail } = run.failure ?? { reason: 'wrong-credentials', user: run.proved.at(-1)?.user, step: run.step }
    this.parts.abandoned?.({ reason, user, step, detail: [detail, 'the client did not go on'].filter(Boolean).join('; ') })
  }

  private async restart(): Promise<DialogueOutcome> {
    this.step = undefined
    this.answers = undefined
    this.answered = 0
    this.asking = undefined
    const { alternatives } = this.parts
    if (alternatives.length === 0) return { kind: 'refused', failure: { reason: 'unavailable', detail: 'no back-end of the group is there' } }
    return this.firstOf(alternatives)
  }

  /** `first`: why those before them were not taken. */
  private async firstOf(alternatives: readonly Alternative[], first?: Failure): Promise<DialogueOutcome> {
    for (const alternative of alternatives.filter((one) => suits(one, this.parts.context))) {
      const run = new ChainRun(alternative)
      const opening = await this.open(run)
      if (opening.kind !== 'refused') return this.outcomeOf(run, opening)
      this.parts.passedOver?.(opening.failure)
      first ??= opening.failure
    }
    return { kind: 'refused', failure: first ?? { reason: 'unavailable', detail: 'no login of the group suits this client', text: NO_LOGIN_SUITS } }
  }

  private async open(run: ChainRun): Promise<Opening> {
    return this.advance(run, await this.beginStep(run))
  }

  private beginStep(run: ChainRun): AuthStep | Promise<AuthStep> {
    const identity = run.failure ? { user: run.claimed, groups: [], source: run.failure.step ?? '' } : mergedIdentity(run.proved)
    const step = run.alternative.steps[run.position]
    if (!step) throw new GatewayError('INTERNAL', 'a chain has no such step')
    const { detached } = run
    run.detached = undefined
    return step.begin({ ...this.parts.context, ...(identity && { identity }), ...(run.failure && { decoy: true }), ...(detached !== undefined && { detached }) })
  }

  /** To the next form, or the end. */
  private async advance(run: ChainRun, first: AuthStep): Promise<Opening> {
    let step = first
    for (let silent = 0; silent < MAX_SILENT; silent++) {
      if (step.kind === 'form') {
        const user = this.answers?.user?.trim() ?? ''
        if (step.form.id !== 'passwd' || run.isLast || run.failure || user === '') return { kind: 'form', step }
        run.deferred = { step, position: run.position }
        run.proved.push({ user, groups: [], source: run.step })
        run.position++
        step = await this.beginStep(run)
        continue
      }
      if (step.kind === 'certificate-wanted') {
        const { certificates, certificateMissing } = this.parts.context
        if (certificates.length === 0 && !certificateMissing && !this.wanted && this.answered === 0) {
          this.wanted = true
          return { kind: 'certificate-wanted' }
        }
        step = { kind: 'refused', reason: 'certificate-refused', detail: certificates.length > 0 ? 'asked again for a certificate' : 'the client has none' }
      }
      if (step.kind === 'second-certificate') {
        if (!this.second) return { kind: 'second-certificate', step }
        step = await step.answer(this.second.shown)
        continue
      }
      if (step.kind === 'identity' && !run.failure) {
        run.proved[run.position] = step.identity
        const identity = mergedIdentity(run.proved)
        if (!run.asked.has(run.step) && this.parts.context.certificates.length > 0) this.accepted = true
        if (!identity) step = { kind: 'refused', reason: 'wrong-credentials', user: run.proved[0]?.user ?? '', detail: `names ${step.identity.user}, the step before it ${run.proved.at(-2)?.user}` }
        else if (run.deferred && run.isLast && !run.changing) {
          run.changing = true
          run.position = run.deferred.position
          return { kind: 'form', step: run.deferred.step }
        } else if (run.isLast) {
          this.guards.succeeded()
          return { kind: 'identity', identity, chain: run.alternative.names }
        }
      }
      if (step.kind === 'refused') {
        const failure: Failure = run.failure ?? { reason: step.reason, user: step.user, step: run.step, detail: step.detail, text: step.text }
        const goesOn = HIDDEN.includes(step.reason) && this.answered > 0 && !run.isLast && this.parts.friendly !== true
        if (!goesOn) return { kind: 'refused', failure }
        run.failure ??= { ...failure, ...(failure.reason !== 'wrong-credentials' && { shownAs: 'wrong-credentials' }) }
        run.claimed ||= failure.user ?? run.proved.at(-1)?.user ?? this.answers?.user?.trim().slice(0, 128) ?? ''
      } else if (run.failure && run.isLast) return { kind: 'refused', failure: run.failure }
      run.position++
      step = await this.beginStep(run)
    }
    throw new GatewayError('INTERNAL', 'the steps of a login do not end')
  }

  /** What an answer led to. Alternatives that ask the same get it too before it counts as wrong. */
  private async judge(run: ChainRun, asked: FormStep, answers: FormAnswers, verdict: AuthStep): Promise<DialogueOutcome> {
    const isFirst = this.answered === 1 && !run.failure
    if (!isFirst || verdict.kind !== 'refused' || !PASSES_ON.includes(verdict.reason)) return this.settle(run, await this.advance(run, verdict))
    const tried: { readonly run: ChainRun; readonly verdict: Extract<AuthStep, { kind: 'refused' }> }[] = [{ run, verdict }]
    const rest = this.parts.alternatives.slice(this.parts.alternatives.indexOf(run.alternative) + 1)
    for (const alternative of rest.filter((one) => suits(one, this.parts.context))) {
      const other = new ChainRun(alternative)
      const opening = await this.open(other)
      if (opening.kind !== 'form' || !asksTheSame(opening.step.form, asked.form)) continue
      other.asked.add(other.step)
      const next = await other.answer(opening.step, answers.values)
      if (next.kind !== 'refused' || !PASSES_ON.includes(next.reason)) return this.settle(other, await this.advance(other, next))
      tried.push({ run: other, verdict: next })
    }
    // What one of them calls wrong is wrong, though another could not be asked; who has the longest way to go plays it.
    const wrong = tried.filter((one) => one.verdict.reason === 'wrong-credentials')
    const chosen = (wrong.length > 0 ? wrong : tried).reduce((best, one) => (left(one.run) > left(best.run) ? one : best))
    const others = tried.filter((one) => one !== chosen).map((one) => `${one.run.step}: ${one.verdict.detail ?? one.verdict.reason}`)
    const detail = [...(chosen.verdict.detail === undefined ? [] : [chosen.verdict.detail]), ...others].join('; ')
    return this.settle(chosen.run, await this.advance(chosen.run, { ...chosen.verdict, ...(detail === '' ? {} : { detail }) }))
  }

  private settle(run: ChainRun, opening: Opening): Promise<DialogueOutcome> | DialogueOutcome {
    if (opening.kind !== 'refused') return this.outcomeOf(run, opening)
    const { failure } = opening
    if ((failure.shownAs ?? failure.reason) === 'wrong-credentials') {
      // A text of the step's own would tell which it was.
      const tells = this.parts.friendly === true || (run.asked.size <= 1 && run.isLast)
      this.guards.failed()
      return this.again(tells ? failure : { ...failure, text: undefined })
    }
    this.guards.forget()
    return opening
  }

  private outcomeOf(run: ChainRun, opening: Exclude<Opening, Refusal>): DialogueOutcome {
    if (opening.kind === 'form') return this.ask(run, opening.step)
    if (opening.kind !== 'second-certificate') return opening
    this.asking = { run, step: opening.step }
    return { kind: 'second-certificate', hashes: opening.step.hashes }
  }

  private ask(run: ChainRun, step: FormStep): DialogueOutcome {
    const known = run.failure ? run.claimed : mergedIdentity(run.proved)?.user
    this.run = run
    this.step = step
    this.answers = new FormAnswers(step.form, known === '' ? undefined : known)
    return { kind: 'form', form: this.answers.asked }
  }

  private async again(failure: Failure): Promise<DialogueOutcome> {
    if (++this.tries >= MAX_TRIES) return { kind: 'refused', failure: { ...failure, reason: 'too-many-tries', shownAs: undefined, text: undefined, detail: [failure.reason, failure.detail].filter(Boolean).join(', ') } }
    const outcome = await this.restart()
    return outcome.kind === 'form' ? { ...outcome, failure } : { kind: 'refused', failure }
  }

  private async guarded(action: () => Promise<DialogueOutcome>): Promise<DialogueOutcome> {
    if (this.running) throw new GatewayError('INTERNAL', 'two answers at once in one dialogue')
    this.running = true
    try {
      return await action()
    } catch (cause) {
      this.guards.forget()
      return { kind: 'refused', failure: { reason: 'internal', user: this.run?.failure?.user ?? this.run?.proved.at(-1)?.user, step: this.run?.step, cause } }
    } finally {
      this.running = false
      if (this.gone) this.abandon()
    }
  }
}

/** Shown to a client that none of the group's logins suits. */
export const NO_LOGIN_SUITS = 'This client cannot take any login of this group.'
/** Of a step that is not the last one these say that what was typed is wrong, or right: not before the end. */
const HIDDEN: readonly RefusalReason[] = ['wrong-credentials', 'locked', 'expired', 'password-expired', 'not-in-group']
/** After these the next alternative that asks the same is tried. */
const PASSES_ON: readonly RefusalReason[] = ['wrong-credentials', 'unavailable']
const left = ({ position, alternative }: ChainRun): number => alternative.steps.length - position
