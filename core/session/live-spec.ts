import type { TunnelSpec } from '../dataplane.ts'
import type { Policy, PolicyKey } from '../policy/policy.ts'
import { changedKeys, TAKES_EFFECT } from '../policy/takes-effect.ts'

/** Whose tunnel it is, and the policy that its `spec` was made of. */
export interface Tunnelled {
  readonly spec: TunnelSpec
  readonly before: Policy
  readonly mobile: boolean
}

/**
 * The specification that can be in force at once in a tunnel that stands, under the policy `after`: every field that needs
 * no word of the client. Without a difference an equal value.
 */
export function liveSpec({ spec, before, mobile }: Tunnelled, after: Policy): TunnelSpec {
  const next: Mutable<TunnelSpec> = {
    ...spec,
    dpdSec: mobile || spec.learning === true ? after.mobileDpdSec : after.dpdSec,
    dpdRetries: after.dpdRetries,
    // A learned one is that of the network (`core/session/keepalive-book.ts`).
    keepaliveSec: spec.learning === true ? spec.keepaliveSec : after.keepaliveSec,
    ...(rekeysItself(spec, before, after) && { rekeySec: Math.round(((spec.rekeySec ?? 0) * after.rekeyTimeSec) / before.rekeyTimeSec) }),
  }
  delete next.roaming
  return after.denyRoaming ? { ...next, roaming: false } : next
}
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The gateway makes the new keys by itself, before and after: the client need not know how often. */
const rekeysItself = ({ rekeySec = 0 }: TunnelSpec, before: Policy, after: Policy): boolean =>
  rekeySec > 0 && before.rekeyMethod === 'ssl' && after.rekeyMethod === 'ssl' && after.rekeyTimeSec > 0

/** Keys that the client has to come for with another CONNECT, since it was told those of `told`. */
export function reconnectKeys(told: Policy, now: Policy, spec: TunnelSpec | undefined): readonly PolicyKey[] {
  return changedKeys(told, now).filter((key) => TAKES_EFFECT[key] === 'reconnect' && !(key === 'rekeyTimeSec' && spec && rekeysItself(spec, told, now)))
}
