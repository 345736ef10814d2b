import { formatAddress, nthAddress, parsePrefix, type GatewayConfig, type PoolConfig } from '../../core/api.ts'

/** The gateway's own addresses in a pool: the first of each network. */
export const poolAddresses = ({ ipv4, ipv6 }: PoolConfig): readonly string[] =>
  [ipv4, ipv6].flatMap((cidr) => {
    const prefix = cidr === undefined ? undefined : parsePrefix(cidr)
    const first = prefix && nthAddress(prefix, 1)
    return first ? [formatAddress(first)] : []
  })

/** All of them. */
export const gatewayAddresses = ({ pools }: Pick<GatewayConfig, 'pools'>): readonly string[] => [...pools.values()].flatMap(poolAddresses)
