import type { GatewayConfig } from './gateway-config.ts'
import { GatewaySchema } from './schema.ts'

/**
 * The configuration that is in force: what `CONFIG` resolves to. Who keeps it reads each part at the moment of use; `now`
 * is the whole value, another one after each reload.
 */
export class LiveConfig implements GatewayConfig {
  constructor(private current: GatewayConfig) {}

  get now(): GatewayConfig {
    return this.current
  }
  replace(next: GatewayConfig): void {
    this.current = next
  }

  get file(): string {
    return this.current.file
  }
  get gateway(): GatewayConfig['gateway'] {
    return this.current.gateway
  }
  get pools(): GatewayConfig['pools'] {
    return this.current.pools
  }
  get policy(): GatewayConfig['policy'] {
    return this.current.policy
  }
  get groups(): GatewayConfig['groups'] {
    return this.current.groups
  }
  get hosts(): GatewayConfig['hosts'] {
    return this.current.hosts
  }
}

/** Properties of `[gateway]` that only a restart changes. */
export const RESTART_KEYS = Object.entries(GatewaySchema.shape)
  .flatMap(([key, schema]) => (schema.meta()?.['restart'] === true ? [key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof GatewayConfig['gateway']] : []))

/** What of `next` can be in force without a restart. */
export function inForce(old: GatewayConfig, next: GatewayConfig): GatewayConfig {
  const kept = Object.fromEntries(RESTART_KEYS.map((key) => [key, old.gateway[key]])) as Partial<GatewayConfig['gateway']>
  return { ...next, gateway: { ...next.gateway, ...kept } }
}
