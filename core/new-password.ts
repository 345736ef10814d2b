import type { AuthForm, AuthStep } from './auth.ts'

/** New passwords that one login may offer. */
export const OFFERS = 5

/** What a back-end knows of a password that has to be replaced. */
export interface NewPassword {
  /** Said above the first form and after each refusal, in the words of a form. */
  readonly rules?: string
  /** Why it is not acceptable, before it is typed once more; or how the login ends instead. */
  problem(password: string): string | AuthStep | undefined | Promise<string | AuthStep | undefined>
  /** Puts it in force: how the login goes on; or why it is not acceptable. */
  replace(password: string): Promise<string | AuthStep>
  /** None of those that were offered was acceptable. */
  refuse(detail: string): AuthStep
}

/**
 * A new password inside the login, when the old one is right and does not do any more. It is asked for twice, in two forms:
 * clients drop the second field of one (reference/protocol section 3.1).
 */
export function askNewPassword(message: string, { rules, problem, replace, refuse }: NewPassword): AuthStep {
  let offers = 0
  const ask = (text: string): AuthStep => form(rules === undefined ? text : `${text}\n${rules}`, 'New password:', offered)
  const settle = (outcome: string | AuthStep): AuthStep => (typeof outcome === 'string' ? ask(`This password is not acceptable: ${outcome}.`) : outcome)
  const offered = async (password: string): Promise<AuthStep> => {
    if (++offers > OFFERS) return refuse('no acceptable new password')
    const known = await problem(password)
    if (known !== undefined) return settle(known)
    return form('Please enter the new password once more.', 'New password again:', async (again) =>
      again === password ? settle(await replace(password)) : ask('The two passwords were not the same. Please choose a new one.'))
  }
  return ask(message)
}

const form = (message: string, label: string, answered: (password: string) => Promise<AuthStep>): AuthStep => {
  const shown: AuthForm = { id: 'passwd', message, fields: [{ kind: 'password', name: 'new_password', label }] }
  return { kind: 'form', form: shown, answer: (values) => answered(values.get('new_password') ?? '') }
}
