import type { PolicyKey, PolicyValues } from '../../core/api.ts'
import { attributePolicy, type AttributePolicy, type PolicyPlace } from './attribute-policy.ts'
import { valueOf, type Found } from './attributes.ts'
import type { AttributeName } from './dictionary.ts'

/** Zero takes a limit away. */
const LIMITS = {
  'Session-Timeout': 'sessionTimeoutSec',
  'Idle-Timeout': 'inactivityTimeoutSec',
  'WISPr-Bandwidth-Max-Up': 'rateUp',
  'WISPr-Bandwidth-Max-Down': 'rateDown',
  'RP-Upstream-Speed-Limit': 'rateUp',
  'RP-Downstream-Speed-Limit': 'rateDown',
} as const satisfies Partial<Record<AttributeName, PolicyKey>>

/** What a CoA-Request may change in a session that stands: not its addresses, and nothing that counts at a login alone. */
export const COA_ATTRIBUTES: readonly AttributeName[] = [
  ...(Object.keys(LIMITS) as (keyof typeof LIMITS)[]), 'Mikrotik-Rate-Limit',
  'Framed-Route', 'Framed-IPv6-Route', 'Route-IPv6-Information', 'Delegated-IPv6-Prefix', 'Cisco-AVPair',
  'MS-Primary-DNS-Server', 'MS-Secondary-DNS-Server', 'DNS-Server-IPv6-Address', 'MS-Primary-NBNS-Server', 'MS-Secondary-NBNS-Server',
]

/** As at the login. */
export function coaPolicy(found: readonly Found[], place: PolicyPlace): AttributePolicy {
  const { values, problems } = attributePolicy(found, place)
  const lifted = Object.entries(LIMITS).filter(([name]) => valueOf(found, name as keyof typeof LIMITS) === 0).map(([, key]) => [key, 0] as const)
  const all: PolicyValues = { ...(Object.fromEntries(lifted) as PolicyValues), ...values }
  const nothing = problems.length === 0 && Object.keys(all).length === 0
  return { values: all, problems: nothing ? ['nothing of it is understood'] : problems }
}
