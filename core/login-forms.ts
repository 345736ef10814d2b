import type { AuthForm } from './auth.ts'

/** Name and password; the name is filled in where an earlier step of the chain has proved one. */
export const loginForm = (user: string | undefined): AuthForm => ({
  id: 'main',
  message: 'Please enter your username and password.',
  fields: [
    { kind: 'text', name: 'username', label: 'Username:', ...(user === undefined ? {} : { value: user }) },
    { kind: 'password', name: 'password', label: 'Password:' },
  ],
})
