import { z } from 'zod'
import { listenAddress } from '../../core/api.ts'

export const AdminApiConfig = z.strictObject({
  /** TCP addresses of the web API; not in force yet, the unix socket is the only way in. */
  listen: z.array(listenAddress()).max(16).default([]),
})
export type AdminApiConfig = z.infer<typeof AdminApiConfig>
