import type { GatewayConfig } from '../config/gateway-config.ts'
import type { Policies } from '../policy/policy.ts'
import { homeless } from './homeless.ts'
import type { SessionRecord } from './session-record.ts'
import type { EndCause } from './session.ts'

export interface SessionCut {
  readonly record: SessionRecord
  readonly cause: EndCause
}

/**
 * Sessions that cannot go on under that configuration: their group is gone, their user may not use it any more, or no pool has
 * their address. A user of whom no group is known stays where he is.
 */
export function sessionCuts(records: readonly SessionRecord[], config: Pick<GatewayConfig, 'groups' | 'pools'>, policies: Policies): readonly SessionCut[] {
  const lost = new Set(homeless(records, config.pools).map(({ id }) => id))
  return records.flatMap((record): SessionCut[] => {
    if (!config.groups.has(record.group)) return [{ record, cause: 'group-removed' }]
    const groups = policies.groups?.(record.user) ?? record.identity.groups
    if (groups.length > 0 && !groups.includes(record.group)) return [{ record, cause: 'group-left' }]
    return lost.has(record.id) ? [{ record, cause: 'lease-lost' }] : []
  })
}
