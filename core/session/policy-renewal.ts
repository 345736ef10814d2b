import { isDeepStrictEqual } from 'node:util'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { DataPlane } from '../dataplane.ts'
import type { Policies, Policy, PolicyKey, PolicyLayer } from '../policy/policy.ts'
import { liveSpec, reconnectKeys } from './live-spec.ts'
import { policyChange, policyOf, type PolicyChange } from './policy-change.ts'
import type { SessionClock } from './session-clock.ts'
import { sessionCuts, type SessionCut } from './session-cuts.ts'
import type { SessionIndex } from './session-index.ts'
import type { SessionListeners } from './session-listeners.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionRows } from './session-rows.ts'
import type { EndCause } from './session.ts'
import type { TunnelRates } from './tunnel-rates.ts'

export interface PolicyRenewalParts {
  readonly clock: SessionClock
  readonly config: Pick<GatewayConfig, 'groups' | 'pools'>
  readonly dataPlane: DataPlane
  readonly index: SessionIndex
  readonly listeners: SessionListeners
  readonly policies: Policies
  readonly rates: TunnelRates
  readonly rows: SessionRows
  end(id: string, cause: EndCause): void
}

/** What a configuration means for the sessions there are. */
export interface Renewal {
  readonly changes: readonly PolicyChange[]
  readonly cuts: readonly SessionCut[]
}

/** Brings sessions under the policy that is configured now: rows first, then tunnels and clocks, then those who listen. */
export class PolicyRenewal {
  constructor(private readonly parts: PolicyRenewalParts) {}

  /** What would happen, to all sessions or to one user's, under what is given. Changes nothing. */
  preview(user?: string, { config, policies }: Pick<PolicyRenewalParts, 'config' | 'policies'> = this.parts): Renewal {
    const { index } = this.parts
    const records = user === undefined ? index.all() : index.ofUser(user)
    const cuts = sessionCuts(records, config, policies)
    const cut = new Set(cuts.map(({ record }) => record))
    return { cuts, changes: records.flatMap((record) => (cut.has(record) ? [] : (policyChange(record, policyOf(policies, record)) ?? []))) }
  }

  /** Does it. Committed before anything is in force; a store error leaves all of it as it was. */
  renew(user?: string): Renewal {
    const renewal = this.preview(user)
    const { rows, listeners, end } = this.parts
    if (renewal.changes.length > 0) rows.setPolicies(renewal.changes.map(({ record, after }) => ({ record, policy: after })), this.parts.clock.instant().now)
    for (const change of renewal.changes) this.enforce(change)
    for (const { record: { id }, cause } of renewal.cuts) end(id, cause)
    for (const change of renewal.changes) if (change.changed.length > 0 && !change.record.ended) listeners.policyChanged(change)
    return renewal
  }

  /** One session alone, with these attributes from now on. Committed first, as all of it. */
  setAttributes(record: SessionRecord, attributes: PolicyLayer | undefined): PolicyChange | undefined {
    const { rows, listeners, policies, clock } = this.parts
    const identity = { ...record.identity, attributes }
    const { user, group, host, policy } = record
    const change = policyChange(record, policies.resolve({ user, group, host, groups: identity.groups, attributes }))
    rows.setPolicies([{ record, policy: change?.after ?? policy, identity }], clock.instant().now)
    record.identity = identity
    if (!change) return undefined
    this.enforce(change)
    if (change.changed.length > 0) listeners.policyChanged(change)
    return change
  }

  /** Keys that a client has to come for with another CONNECT; empty without a tunnel. `after`: under that policy. */
  owed({ machine, told, policy, spec }: SessionRecord, after: Policy = policy.values): readonly PolicyKey[] {
    return machine.tunnel === undefined || !told ? [] : reconnectKeys(told.values, after, spec)
  }

  private enforce({ record, before, after }: PolicyChange): void {
    record.renew(after, this.parts.clock.instant())
    this.parts.clock.schedule(record)
    const { spec, device, machine: { tunnel } } = record
    if (!spec || tunnel === undefined) return
    const next = this.parts.rates.applied(liveSpec({ spec, before: before.values, mobile: device.mobile }, after.values), record)
    if (isDeepStrictEqual(next, spec)) return
    record.spec = next
    this.parts.dataPlane.updateTunnel(tunnel, next)
  }
}
