import { z } from 'zod'

/** Nothing to set: what is limited stands in `[policy]`. */
export const LimitsConfig = z.strictObject({})
export type LimitsConfig = z.infer<typeof LimitsConfig>
