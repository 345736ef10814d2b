import { z } from 'zod'

/** `[import-ocserv]` has no keys. */
export const ImportOcservConfig = z.strictObject({})
export type ImportOcservConfig = z.infer<typeof ImportOcservConfig>
