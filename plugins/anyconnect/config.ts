import { z } from 'zod'
import { duration } from '../../core/api.ts'

/** Section `[anyconnect]`. */
export const AnyConnectConfig = z.strictObject({
  'max-login-time': duration({ min: 10, max: 3600 }).default(240).meta({ title: 'Time for a login', description: 'From the first form to the session; a person has to type in it.' }),
})
export type AnyConnectConfig = z.infer<typeof AnyConnectConfig>
