import type { AuthField, AuthForm } from '../../core/api.ts'

export const loginForm = (user: string | undefined): AuthForm => ({
  id: 'main',
  message: 'Please enter your username and password.',
  fields: [
    { kind: 'text', name: 'username', label: 'Username:', ...(user === undefined ? {} : { value: user }) },
    { kind: 'password', name: 'password', label: 'Password:' },
  ],
})

/** Clients send `answer` and `new_password` back as `password` (reference/protocol section 3). */
export const challengeForm = (message: string | undefined, echo: boolean): AuthForm => ({
  id: 'challenge',
  message: message ?? 'Please enter your response.',
  fields: [{ kind: echo ? 'text' : 'password', name: 'answer', label: 'Response:' }],
})
export const newPasswordForm = (message: string): AuthForm => ({ id: 'passwd', message, fields: [{ kind: 'password', name: 'new_password', label: 'New password:' } satisfies AuthField] })

/** What was typed into one of the two. */
export const typed = (values: ReadonlyMap<string, string>): string => values.get('answer') ?? values.get('new_password') ?? values.get('password') ?? ''
