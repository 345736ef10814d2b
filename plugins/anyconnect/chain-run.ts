import type { AuthStep, Identity } from '../../core/api.ts'
import type { Alternative } from './alternatives.ts'
import type { Failure } from './dialogue-outcome.ts'

export type FormStep = Extract<AuthStep, { kind: 'form' }>

/** One way through an alternative, from its first step on. */
export class ChainRun {
  position = 0
  readonly proved: Identity[] = []
  /** Steps that have asked something. */
  readonly asked = new Set<string>()
  /** The first step that failed; what follows is played for nobody. */
  failure: Failure | undefined
  /** The name under which it is played. */
  claimed = ''
  /** Asks for a new password, for who has passed the rest of the chain too. */
  deferred: { readonly step: FormStep; readonly position: number } | undefined
  changing = false
  /** Of the last answer, for the step behind the one that was asked. */
  detached: string | undefined

  constructor(readonly alternative: Alternative) {}

  get step(): string {
    return this.alternative.names[this.position] ?? ''
  }
  get isLast(): boolean {
    return this.changing || this.position + 1 >= this.alternative.steps.length
  }

  answer(step: FormStep, values: ReadonlyMap<string, string>): Promise<AuthStep> {
    const taken = this.alternative.steps[this.position + 1]?.detach?.(values)
    this.detached = taken?.detached
    return step.answer(taken?.rest ?? values)
  }
}
