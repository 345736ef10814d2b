import { z } from 'zod'
import { duration, filePath, integer } from '../../core/api.ts'
import { PASSWORD_MINIMUM } from './user.ts'

/** `[auth-local]`: what passwords have to be. Users live in the store. */
export const AuthLocalConfig = z.strictObject({
  'min-length': integer(PASSWORD_MINIMUM, 128).default(PASSWORD_MINIMUM).meta({ title: 'Length', description: 'Characters that a new password has at least.' }),
  'password-max-age': duration({ min: 86_400, max: 3650 * 86_400 }).optional().meta({ title: 'Age', description: 'After this a password has to be changed at the next login; never when absent.' }),
  'breached-passwords-file': filePath().optional().meta({ title: 'Breached passwords', description: 'SHA-1 hashes in hexadecimal, sorted, one a line, as Have I Been Pwned offers them.' }),
})
export type AuthLocalConfig = z.infer<typeof AuthLocalConfig>
