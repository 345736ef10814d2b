import { z } from 'zod'

/** `[auth-local]` has no keys: users live in the store. */
export const AuthLocalConfig = z.strictObject({})
export type AuthLocalConfig = z.infer<typeof AuthLocalConfig>
