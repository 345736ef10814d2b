import type { Clock, DeviceListener, GatewayConfig, Health, Logger, OpenInfo } from '../../core/api.ts'
import type { FirewallConfig } from './config.ts'
import { deviceNames } from './devices.ts'
import { FAMILIES, forwardingProblem, forwards, type Family } from './forwarding.ts'
import type { Nft } from './nft.ts'
import { removalScript, rulesetScript } from './ruleset.ts'

const RECHECK_MS = 30_000
const TABLE_CODE = 'firewall-table'
const forwardingCode = (family: Family): string => `firewall-forwarding-${family.name.toLowerCase()}`

/** The pools' prefixes, by family. */
export function prefixes(config: GatewayConfig): { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] } {
  const pools = [...config.pools.values()]
  return { ipv4: pools.flatMap((pool) => pool.ipv4 ?? []), ipv6: pools.flatMap((pool) => pool.ipv6 ?? []) }
}

/** Families that some pool uses. */
export const usedFamilies = (config: GatewayConfig): readonly Family[] => {
  const { ipv4, ipv6 } = prefixes(config)
  return FAMILIES.filter((family) => (family.name === 'IPv4' ? ipv4 : ipv6).length > 0)
}

/** Keeps the gateway's own nftables table for as long as the TUN device stands. */
export class Firewall implements DeviceListener {
  private recheck: { cancel(): void } | undefined

  constructor(
    private readonly nft: Nft,
    private readonly settings: FirewallConfig,
    private readonly config: GatewayConfig,
    private readonly health: Health,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Tables whose device is gone: a gateway died before it could remove its own. */
  async removeStale(): Promise<void> {
    try {
      const present = deviceNames()
      for (const device of await this.nft.devices()) {
        if (present.has(device)) continue
        await this.nft.apply(removalScript(device))
        this.log.info('firewall table of a crashed gateway removed', { device })
      }
    } catch (error) {
      this.log.warn('old firewall tables cannot be removed', { error })
    }
  }

  async deviceUp({ device }: OpenInfo): Promise<void> {
    this.checkForwarding()
    try {
      await this.nft.apply(rulesetScript({ device, masquerade: this.settings.masquerade, ...prefixes(this.config), clientToClient: this.config.policy.clientToClient ?? false }))
      this.health.clear(TABLE_CODE)
    } catch (error) {
      // Clients can still log in and reach the gateway.
      this.health.raise(TABLE_CODE, 'error', `no firewall table for ${device}: ${(error as Error).message}`)
      this.log.error('firewall table refused', { device, error })
    }
  }

  async deviceDown({ device }: OpenInfo): Promise<void> {
    this.stop()
    try {
      await this.nft.apply(removalScript(device))
    } catch (error) {
      this.log.error('firewall table not removed', { device, error })
    }
  }

  stop(): void {
    this.recheck?.cancel()
    this.recheck = undefined
  }

  private checkForwarding(): void {
    this.stop()
    const off = usedFamilies(this.config).filter((family) => forwards(family) === false)
    for (const family of FAMILIES) {
      if (off.includes(family)) this.health.raise(forwardingCode(family), 'warning', forwardingProblem(family))
      else this.health.clear(forwardingCode(family))
    }
    // The entry goes away by itself once somebody set the sysctl.
    if (off.length > 0) this.recheck = this.clock.after(RECHECK_MS, () => this.checkForwarding())
  }
}
