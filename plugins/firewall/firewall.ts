import { GatewayError, type Clock, type DeviceListener, type GatewayConfig, type Health, type Logger, type OpenInfo } from '../../core/api.ts'
import type { FirewallConfig } from './config.ts'
import { deviceNames } from './devices.ts'
import { FAMILIES, forwardingProblem, forwards, type Family } from './forwarding.ts'
import type { Nft } from './nft.ts'
import { removalScript } from './ruleset.ts'
import type { Table } from './table.ts'

const RECHECK_MS = 30_000
const forwardingCode = (family: Family): string => `firewall-forwarding-${family.name.toLowerCase()}`

/** Prefixes of the pools that `chosen` names, by family. */
export function prefixes({ pools }: Pick<GatewayConfig, 'pools'>, chosen: FirewallConfig['masquerade'] = true): { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] } {
  const meant = [...pools.values()].filter(({ name }) => (typeof chosen === 'boolean' ? chosen : chosen.includes(name)))
  return { ipv4: meant.flatMap((pool) => pool.ipv4 ?? []), ipv6: meant.flatMap((pool) => pool.ipv6 ?? []) }
}

/** Throws when `masquerade` names a pool that is not there. */
export function checkPools({ masquerade }: FirewallConfig, { pools }: Pick<GatewayConfig, 'pools'>): void {
  const unknown = typeof masquerade === 'boolean' ? undefined : masquerade.find((name) => !pools.has(name))
  if (unknown !== undefined) throw new GatewayError('CONFIG', `[firewall] masquerade: there is no pool ${JSON.stringify(unknown)}, but ${[...pools.keys()].join(', ')}`)
}

/** Families that some pool uses. */
export const usedFamilies = (config: GatewayConfig): readonly Family[] => {
  const { ipv4, ipv6 } = prefixes(config)
  return FAMILIES.filter((family) => (family.name === 'IPv4' ? ipv4 : ipv6).length > 0)
}

/** Tables whose device is gone: a gateway died before it could remove its own. */
export async function removeStale(nft: Nft, log: Logger): Promise<void> {
  try {
    const present = deviceNames()
    for (const device of (await nft.tables()).keys()) {
      if (present.has(device)) continue
      await nft.apply(removalScript(device))
      log.info('firewall table of a crashed gateway removed', { device })
    }
  } catch (error) {
    log.warn('old firewall tables cannot be removed', { error })
  }
}

/** The gateway's nftables table for as long as the TUN device stands, and a look at the kernel's forwarding. */
export class Firewall implements DeviceListener {
  private recheck: { cancel(): void } | undefined

  constructor(
    private readonly table: Table | undefined,
    private readonly config: GatewayConfig,
    private readonly health: Health,
    private readonly clock: Clock,
  ) {}

  async deviceUp({ device }: OpenInfo): Promise<void> {
    this.checkForwarding()
    await this.table?.up(device)
  }

  async deviceDown(): Promise<void> {
    this.stop()
    await this.table?.down()
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
