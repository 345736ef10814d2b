import { z } from 'zod'

export const FirewallConfig = z.strictObject({
  masquerade: z.boolean().default(true).describe('Hide the clients behind the addresses of the gateway'),
})
export type FirewallConfig = z.infer<typeof FirewallConfig>
