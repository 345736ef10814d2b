import { GatewayError, type AuthBackend, type AuthContext, type AuthForm, type AuthStep, type Identity, type RefusalReason } from '../../core/api.ts'

/** Wrong answers in one dialogue before it ends. */
export const MAX_TRIES = 3

export type DialogueOutcome =
  | { readonly kind: 'form'; readonly form: AuthForm; readonly error?: RefusalReason; readonly user?: string | undefined }
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'certificate-wanted' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly user?: string | undefined; readonly cause?: unknown }

type FormStep = Extract<AuthStep, { kind: 'form' }>

/**
 * Inputs that clients return under another name (reference/protocol section 3.1): a form may hold only one of them.
 */
const RETURNED_AS_PASSWORD: readonly string[] = ['answer', 'whichpin', 'new_password']

/**
 * One login: a chain of back-ends asked in turn, every one of which must name the same user. Values in, outcome out; it
 * knows neither HTTP nor XML. The caller does not call `answer` while one is running (`busy`).
 */
export class Dialogue {
  private position = 0
  private step: FormStep | undefined
  private identity: Identity | undefined
  private collected = new Map<string, string>()
  private running = false

  constructor(
    private readonly chain: readonly AuthBackend[],
    private readonly context: Omit<AuthContext, 'identity'>,
    private tries = 0,
  ) {}

  /** Failed attempts so far. */
  get failures(): number {
    return this.tries
  }

  get busy(): boolean {
    return this.running
  }

  /** The form that waits for an answer. */
  get form(): AuthForm | undefined {
    return this.step?.form
  }

  begin(): Promise<DialogueOutcome> {
    return this.guarded(() => this.restart())
  }

  /**
   * Values of a client's form. An empty user name is no attempt (Cisco's client sends one first); fields that are
   * missing are asked for again, and only they.
   */
  answer(values: ReadonlyMap<string, string>): Promise<DialogueOutcome> {
    return this.guarded(async () => {
      const step = this.step
      if (!step) return this.restart()
      const form = step.form
      for (const field of form.fields) {
        const value = values.get(field.name) ?? (RETURNED_AS_PASSWORD.includes(field.name) ? values.get('password') : undefined)
        if (value !== undefined) this.collected.set(field.name, value)
        else if (field.kind === 'hidden') this.collected.set(field.name, field.value ?? '')
      }
      if (form.fields.some((field) => field.name === 'username') && !this.collected.get('username')) {
        this.collected.clear()
        return { kind: 'form', form }
      }
      const missing = form.fields.filter((field) => !this.collected.has(field.name))
      if (missing.length > 0) return { kind: 'form', form: { ...form, fields: missing } }
      const answers = this.collected
      this.collected = new Map()
      return this.advance(await step.answer(answers))
    })
  }

  /** Counts an attempt that failed behind the back-ends (not in the group) and starts over with the first form. */
  retry(reason: RefusalReason, user?: string): Promise<DialogueOutcome> {
    return this.guarded(() => this.failed(reason, user))
  }

  private async advance(first: AuthStep): Promise<DialogueOutcome> {
    for (let step = first; ; ) {
      if (step.kind === 'form') {
        this.step = step
        return { kind: 'form', form: step.form }
      }
      if (step.kind === 'refused') {
        // Only a name the back-end vouches for: people type passwords into the wrong field.
        return step.reason === 'wrong-credentials' ? this.failed(step.reason, step.user) : { kind: 'refused', reason: step.reason, user: step.user }
      }
      if (step.kind === 'certificate-wanted') return step
      const merged = merge(this.identity, step.identity)
      if (!merged) return this.failed('wrong-credentials', step.identity.user)
      this.identity = merged
      const next = this.chain[++this.position]
      if (!next) return { kind: 'identity', identity: merged }
      step = await next.begin({ ...this.context, identity: merged })
    }
  }

  private async failed(reason: RefusalReason, user?: string): Promise<DialogueOutcome> {
    if (++this.tries >= MAX_TRIES) return { kind: 'refused', reason: 'too-many-tries', user }
    const again = await this.restart()
    return again.kind === 'form' ? { ...again, error: reason, user } : { kind: 'refused', reason, user }
  }

  private async restart(): Promise<DialogueOutcome> {
    this.position = 0
    this.identity = undefined
    this.step = undefined
    this.collected = new Map()
    const first = this.chain[0]
    if (!first) return { kind: 'refused', reason: 'unavailable' }
    const step = await first.begin(this.context)
    // Nothing was asked, so asking again changes nothing.
    return step.kind === 'refused' ? { kind: 'refused', reason: step.reason, user: step.user } : this.advance(step)
  }

  private async guarded(run: () => Promise<DialogueOutcome>): Promise<DialogueOutcome> {
    if (this.running) throw new GatewayError('INTERNAL', 'two answers at once in one dialogue')
    this.running = true
    try {
      return await run()
    } catch (cause) {
      return { kind: 'refused', reason: 'internal', cause }
    } finally {
      this.running = false
    }
  }
}

/** The first alternative whose back-ends all exist. */
export function chainOf(alternatives: readonly (readonly string[])[], backends: readonly AuthBackend[]): readonly AuthBackend[] {
  for (const names of alternatives) {
    const chain = names.map((name) => backends.find((backend) => backend.name === name))
    if (chain.length > 0 && chain.every((backend) => backend !== undefined)) return chain
  }
  return []
}

function merge(earlier: Identity | undefined, later: Identity): Identity | undefined {
  if (!earlier) return later
  if (earlier.user.toLowerCase() !== later.user.toLowerCase()) return undefined
  const attributes = later.attributes ?? earlier.attributes
  return {
    user: later.user,
    groups: later.groups.length > 0 ? later.groups : earlier.groups,
    ...(attributes === undefined ? {} : { attributes }),
    source: `${earlier.source}+${later.source}`,
  }
}
