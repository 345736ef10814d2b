import type { AuthForm } from '../../core/api.ts'

/** Clients send `answer` back as `password` (reference/protocol section 3). */
export const challengeForm = (message: string | undefined, echo: boolean): AuthForm => ({
  id: 'challenge',
  message: message ?? 'Please enter your response.',
  fields: [{ kind: echo ? 'text' : 'password', name: 'answer', label: 'Response:' }],
})

/** What was typed into it. */
export const typed = (values: ReadonlyMap<string, string>): string => values.get('answer') ?? values.get('password') ?? ''
