import { GatewayError, type AuthForm } from '../../core/api.ts'

/** Characters of one value; a longer one is as if it had not been sent. */
export const MAX_ANSWER = 4096

/** Inputs that clients return as `password` (reference/protocol section 3.1). */
const RETURNED_AS_PASSWORD: readonly string[] = ['answer', 'whichpin', 'new_password']

/** What a client has answered to one form, perhaps in several documents: fields that are missing are asked for again, and only they. */
export class FormAnswers {
  private readonly collected = new Map<string, string>()

  /** `known`: the user's name, which is not asked for again. Throws for a form that clients cannot answer. */
  constructor(
    private readonly form: AuthForm,
    private readonly known: string | undefined,
  ) {
    const clashing = form.fields.filter(({ name }) => name === 'password' || RETURNED_AS_PASSWORD.includes(name))
    if (clashing.length > 1) throw new GatewayError('INTERNAL', `clients return ${clashing.map(({ name }) => name).join(' and ')} under one name`)
    for (const field of form.fields) if (field.kind === 'hidden') this.collected.set(field.name, field.value ?? '')
    if (known !== undefined && form.fields.some(isName)) this.collected.set('username', known)
  }

  /** The form as the client sees it: what is still missing, with its hidden fields. */
  get asked(): AuthForm {
    const fields = this.form.fields.filter((field) => field.kind === 'hidden' || !this.collected.has(field.name))
    return fields.length === this.form.fields.length ? this.form : { ...this.form, fields }
  }
  get complete(): boolean {
    return this.form.fields.every(({ name }) => this.collected.has(name))
  }
  get values(): ReadonlyMap<string, string> {
    return this.collected
  }
  /** The name that somebody claims with it. */
  get user(): string | undefined {
    return this.known ?? (this.form.fields.some(isName) ? this.collected.get('username') : undefined)
  }

  /** An empty user name is no answer (Cisco's client sends one first), nor is what came with it. */
  take(values: ReadonlyMap<string, string>): void {
    for (const { kind, name } of this.form.fields) {
      if (kind === 'hidden' || (name === 'username' && this.known !== undefined)) continue
      const value = values.get(name) ?? (RETURNED_AS_PASSWORD.includes(name) ? values.get('password') : undefined)
      if (value !== undefined && value.length <= MAX_ANSWER) this.collected.set(name, value)
    }
    if (this.known !== undefined || !this.form.fields.some(isName) || this.collected.get('username')) return
    for (const { kind, name } of this.form.fields) if (kind !== 'hidden') this.collected.delete(name)
  }
}

const isName = ({ kind, name }: AuthForm['fields'][number]): boolean => kind === 'text' && name === 'username'
