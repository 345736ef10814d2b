import { POLICY_PROPERTIES } from './keys.ts'
import type { Policy, PolicyKey } from './policy.ts'

/**
 * When a changed value counts for a session that is there. `live`: at once. `reconnect`: with the next CONNECT, because the
 * client has to be told (reference protocol section 7.2). `login`: with the next login.
 */
export type TakesEffect = 'live' | 'reconnect' | 'login'

/** Each key of `core/policy/keys.ts`. */
export const TAKES_EFFECT: Readonly<Record<PolicyKey, TakesEffect>> = {
  pool: 'login',
  ipv4Address: 'login',
  ipv6Address: 'login',
  iroute: 'live',
  dns: 'reconnect',
  nbns: 'reconnect',
  defaultDomain: 'reconnect',
  search: 'reconnect',
  splitInclude: 'reconnect',
  splitExclude: 'reconnect',
  splitDns: 'reconnect',
  tunnelAllDns: 'reconnect',
  localLan: 'reconnect',
  clientBypassProtocol: 'reconnect',
  dynamicSplitInclude: 'reconnect',
  dynamicSplitExclude: 'reconnect',
  dpdSec: 'live',
  mobileDpdSec: 'live',
  dpdRetries: 'live',
  keepaliveSec: 'live',
  learnKeepalive: 'reconnect',
  idleTimeoutSec: 'live',
  inactivityTimeoutSec: 'live',
  disconnectedTimeoutSec: 'live',
  denyRoaming: 'live',
  sessionTimeoutSec: 'live',
  rekeyTimeSec: 'reconnect',
  rekeyMethod: 'reconnect',
  dtls: 'reconnect',
  mtu: 'reconnect',
  compression: 'reconnect',
  banner: 'reconnect',
  rateUp: 'live',
  rateDown: 'live',
  userRateUp: 'live',
  userRateDown: 'live',
  groupRateUp: 'live',
  groupRateDown: 'live',
  quota: 'live',
  quotaAction: 'live',
  quotaRate: 'live',
  hours: 'live',
  maxSessions: 'login',
  maxSessionsAction: 'login',
  allow: 'live',
  deny: 'live',
  restrictToRoutes: 'live',
  clientToClient: 'live',
}

/** Keys whose values differ. */
export const changedKeys = (before: Policy, after: Policy): readonly PolicyKey[] =>
  before === after ? [] : POLICY_PROPERTIES.filter((key) => !same(before[key], after[key]))

const same = (one: unknown, other: unknown): boolean =>
  one === other || (Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((entry, index) => entry === other[index]))
