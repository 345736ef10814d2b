import { z } from 'zod'

export const FirewallConfig = z.strictObject({
  masquerade: z
    .union([z.boolean(), z.array(z.string()).max(1000)], { error: 'must be true, false or a list of pools' })
    .default(true)
    .describe('Hide the clients behind the addresses of the gateway: all, none, or those of the pools named'),
})
export type FirewallConfig = z.infer<typeof FirewallConfig>
