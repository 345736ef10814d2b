import { POLICY_KEYS } from '../policy/keys.ts'
import type { Policies, PolicyKey, ResolvedPolicy } from '../policy/policy.ts'
import { changedKeys } from '../policy/takes-effect.ts'
import { writtenValue } from '../policy/written-value.ts'
import type { SessionRecord } from './session-record.ts'

/** What a newly resolved policy means for a session. */
export interface PolicyChange {
  readonly record: SessionRecord
  readonly before: ResolvedPolicy
  readonly after: ResolvedPolicy
  /** Empty: the same values, from other layers. */
  readonly changed: readonly PolicyKey[]
}

/** The policy that a session would have by what is configured now. */
export const policyOf = (policies: Policies, { user, group, host, identity }: SessionRecord): ResolvedPolicy =>
  policies.resolve({ user, group, host, groups: identity.groups, attributes: identity.attributes })

export function policyChange(record: SessionRecord, after: ResolvedPolicy): PolicyChange | undefined {
  const { policy: before } = record
  if (before === after) return undefined
  const changed = changedKeys(before.values, after.values)
  const moved = changed.length > 0 || Object.entries(after.origins).some(([key, origin]) => before.origins[key as PolicyKey] !== origin)
  return moved ? { record, before, after, changed } : undefined
}

const SHOWN_KEYS = 4

/** `dpd 30s -> 10s, split-include changed`; one clause, bounded. */
export function changeText({ before, after, changed }: PolicyChange): string {
  const texts = changed.slice(0, SHOWN_KEYS).map((key) => {
    const [old, now] = [writtenValue(key, before.values[key]), writtenValue(key, after.values[key])]
    return Array.isArray(old) || String(old).length + String(now).length > 60 ? `${POLICY_KEYS[key].key} changed` : `${POLICY_KEYS[key].key} ${textOf(old)} -> ${textOf(now)}`
  })
  const more = changed.length - texts.length
  return `${texts.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
const textOf = (value: unknown): string => (value === '' ? 'none' : String(value))
