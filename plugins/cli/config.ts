import { z } from 'zod'

/** `[cli]` has no keys. */
export const CliConfig = z.strictObject({})
export type CliConfig = z.infer<typeof CliConfig>
