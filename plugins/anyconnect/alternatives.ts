import type { AuthBackend, AuthContext, AuthForm } from '../../core/api.ts'

/** One chain of a group's `auth`: all of its steps, one after the other. */
export interface Alternative {
  /** As written in the configuration. */
  readonly names: readonly string[]
  readonly steps: readonly AuthBackend[]
}

/** Those whose back-ends all exist, in the order of the configuration. */
export const alternativesOf = (auth: readonly (readonly string[])[], backends: readonly AuthBackend[]): readonly Alternative[] =>
  auth.flatMap((names) => {
    const steps = names.flatMap((name) => backends.filter((backend) => backend.name === name).slice(0, 1))
    return names.length > 0 && steps.length === names.length ? [{ names, steps }] : []
  })

/** Whether this client can take each step of it. */
export const suits = ({ steps }: Alternative, context: AuthContext): boolean => steps.every((step) => step.suits?.(context) ?? true)

/** Whether the answer to one form is an answer to the other: the same fields in the same order. */
export const asksTheSame = (one: AuthForm, other: AuthForm): boolean =>
  one.fields.length === other.fields.length
  && one.fields.every(({ kind, name }, index) => kind !== 'hidden' && kind !== 'sso' && other.fields[index]?.kind === kind && other.fields[index]?.name === name)
