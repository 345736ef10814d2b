import { getFips } from 'node:crypto'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { CheckFinding } from '../plugin.ts'

/**
 * `gateway.fips` restricts what is negotiated. Which module computes it is decided by how node was built and started
 * (`node --force-fips`, or `default_properties = fips=yes` in openssl.cnf); the data plane uses the same one.
 */
export function fipsFindings({ gateway }: Pick<GatewayConfig, 'gateway'>, moduleInForce = getFips() === 1): CheckFinding[] {
  if (!gateway.fips || moduleInForce) return []
  return [{
    severity: 'warning',
    text: `gateway.fips allows approved algorithms only, but the module that computes them is not a validated one: OpenSSL ${process.versions['openssl'] ?? ''} of node runs without its FIPS provider`,
  }]
}
