import { z } from 'zod'

/** `[admin-api]` has no keys yet: the socket lies in the data directory. */
export const AdminApiConfig = z.strictObject({})
export type AdminApiConfig = z.infer<typeof AdminApiConfig>
