import type { DataPlane } from '../dataplane.ts'
import type { Policies } from '../policy/policy.ts'
import { isDeepStrictEqual } from 'node:util'
import { liveSpec } from './live-spec.ts'
import { policyChange, policyOf, type PolicyChange } from './policy-change.ts'
import type { SessionClock } from './session-clock.ts'
import type { SessionIndex } from './session-index.ts'
import type { SessionListeners } from './session-listeners.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionRows } from './session-rows.ts'

export interface PolicyRenewalParts {
  readonly clock: SessionClock
  readonly dataPlane: DataPlane
  readonly index: SessionIndex
  readonly listeners: SessionListeners
  readonly policies: Policies
  readonly rows: SessionRows
}

/** Brings sessions under the policy that is configured now: rows first, then tunnels and clocks, then those who listen. */
export class PolicyRenewal {
  constructor(private readonly parts: PolicyRenewalParts) {}

  /** What it would change, of all sessions or of one user's; `policies`: those to come. */
  changes(user?: string, policies = this.parts.policies): readonly PolicyChange[] {
    const { index } = this.parts
    const records = user === undefined ? index.all() : index.ofUser(user)
    return records.flatMap((record) => policyChange(record, policyOf(policies, record)) ?? [])
  }

  /** Committed before anything is in force; a store error leaves all of it as it was. */
  apply(changes: readonly PolicyChange[]): void {
    if (changes.length === 0) return
    this.parts.rows.setPolicies(changes.map(({ record, after }) => ({ record, policy: after })))
    for (const change of changes) this.enforce(change)
    for (const change of changes) if (change.changed.length > 0 && !change.record.ended) this.parts.listeners.policyChanged(change)
  }

  private enforce({ record, before, after }: PolicyChange): void {
    record.renew(after, this.parts.clock.instant())
    this.parts.clock.schedule(record)
    this.update(record, before.values)
  }

  private update(record: SessionRecord, before: PolicyChange['before']['values']): void {
    const { spec, device, machine: { tunnel } } = record
    if (!spec || tunnel === undefined) return
    const next = liveSpec({ spec, before, mobile: device.mobile }, record.policy.values)
    if (isDeepStrictEqual(next, spec)) return
    record.spec = next
    this.parts.dataPlane.updateTunnel(tunnel, next)
  }
}
