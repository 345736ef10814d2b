import { z } from 'zod'
import { duration } from '../../core/api.ts'

/** Section `[anyconnect]`. */
export const AnyConnectConfig = z.strictObject({
  'max-login-time': duration({ min: 10, max: 3600 }).default(240).meta({ title: 'Time for a login', description: 'From the first form to the session; a person has to type in it.' }),
  'friendly-login-texts': z.boolean().default(false).meta({ title: 'Friendly login texts', description: 'A login of several steps ends at the first that fails and says why; otherwise nobody learns which one it was' }),
  strap: z.enum(['verify', 'require', 'ignore']).default('verify').meta({ title: 'Proof of possession', description: 'Whether the client of a CONNECT shows that it is the one that has logged in (STRAP).' }),
})
export type AnyConnectConfig = z.infer<typeof AnyConnectConfig>
