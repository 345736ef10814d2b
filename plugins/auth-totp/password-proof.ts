import type { AuthBackend, AuthContext, GatewayConfig } from '../../core/api.ts'

/** Back-ends, each with a group, whose password comes right before a code: the page can ask for what they ask. */
export function passwordSteps(config: Pick<GatewayConfig, 'groups'>, backends: readonly AuthBackend[]): readonly { readonly backend: AuthBackend; readonly group: string }[] {
  const found = new Map<string, { readonly backend: AuthBackend; readonly group: string }>()
  for (const { name: group, auth } of config.groups.values()) {
    for (const [first = '', second] of auth) {
      const backend = backends.find(({ name }) => name === first)
      if (second === 'totp' && backend && !found.has(first)) found.set(first, { backend, group })
    }
  }
  return [...found.values()]
}

/** Who it is, by name and password alone; undefined: wrong, or the back-end asks for anything else. */
export async function provedUser(backend: AuthBackend, context: AuthContext, values: ReadonlyMap<string, string>): Promise<string | undefined> {
  if (backend.suits?.(context) === false) return undefined
  const step = await backend.begin(context)
  if (step.kind !== 'form' || !step.form.fields.every(({ name }) => values.has(name))) return undefined
  const next = await step.answer(values)
  return next.kind === 'identity' ? next.identity.user : undefined
}
