import { z } from 'zod'

/** Section `[auth-totp]`. */
export const AuthTotpConfig = z.strictObject({
  enrol: z.enum(['first-login', 'admin']).default('first-login').meta({ title: 'Enrolment', description: 'Who has no second factor yet gets one at the login, or from the administrator alone.' }),
  appended: z.boolean().default(false).meta({ title: 'Code behind the password', description: 'Six digits at the end of what is typed as the password are the code.' }),
  issuer: z.string().regex(/^[^:%\p{C}]{1,64}$/u, 'must be 1 to 64 printable characters without : and %').optional().meta({ title: 'Issuer', description: 'What authenticator apps call the gateway; its name when absent.' }),
})
export type AuthTotpConfig = z.infer<typeof AuthTotpConfig>
