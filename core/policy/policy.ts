/** What a session may do and how it is configured. One value for each key of `[policy]` (reference/configuration). */
export interface Policy {
  readonly pool: string
  /** Empty: any of the pool. */
  readonly ipv4Address: string
  readonly ipv6Address: string
  readonly iroute: readonly string[]
  readonly dns: readonly string[]
  readonly nbns: readonly string[]
  readonly defaultDomain: string
  readonly search: readonly string[]
  readonly splitInclude: readonly string[]
  readonly splitExclude: readonly string[]
  readonly splitDns: readonly string[]
  readonly tunnelAllDns: boolean
  readonly localLan: boolean
  readonly clientBypassProtocol: boolean
  readonly dynamicSplitInclude: readonly string[]
  readonly dynamicSplitExclude: readonly string[]
  readonly dpdSec: number
  readonly mobileDpdSec: number
  readonly dpdRetries: number
  readonly keepaliveSec: number
  readonly learnKeepalive: boolean
  readonly idleTimeoutSec: number
  readonly inactivityTimeoutSec: number
  readonly disconnectedTimeoutSec: number
  readonly denyRoaming: boolean
  readonly sessionTimeoutSec: number
  readonly rekeyTimeSec: number
  readonly rekeyMethod: 'new-tunnel' | 'ssl'
  readonly dtls: boolean
  readonly mtu: number
  readonly compression: boolean
  readonly banner: string
  /** Bytes a second, 0 = no limit. */
  readonly rateUp: number
  readonly rateDown: number
  readonly userRateUp: number
  readonly userRateDown: number
  readonly groupRateUp: number
  readonly groupRateDown: number
  /** As written, `50 GB / month`; empty = none. */
  readonly quota: string
  readonly quotaAction: 'warn' | 'slow' | 'cut'
  readonly quotaRate: number
  /** As written, `mon-fri 08:00-18:00`; empty = always. */
  readonly hours: readonly string[]
  readonly maxSessions: number
  readonly maxSessionsAction: 'refuse' | 'replace'
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly restrictToRoutes: boolean
  readonly clientToClient: boolean
}
export type PolicyKey = keyof Policy
/** Keys whose values are rates; 0 = no limit. */
export type PolicyRateKey = 'rateUp' | 'rateDown' | 'userRateUp' | 'userRateDown' | 'groupRateUp' | 'groupRateDown'
/** Keys whose values are lists. */
export type PolicyListKey = { [K in PolicyKey]: Policy[K] extends readonly string[] ? K : never }[PolicyKey]
export type PolicyValues = { readonly [K in PolicyKey]?: Policy[K] | undefined } & {
  /** Entries behind those of the layers below, where the layer does not replace them. */
  readonly append?: { readonly [K in PolicyListKey]?: readonly string[] } | undefined
}

/** One layer: `user bob`, `group staff`, `radius 10.0.0.5`, `host vpn2.example.com`, `[policy]`, `built-in`. */
export interface PolicyLayer {
  readonly origin: string
  readonly values: PolicyValues
  /** Rates that may not be more than this, whatever the layers say. */
  readonly atMost?: { readonly [K in PolicyRateKey]?: number }
}
export interface ResolvedPolicy {
  readonly values: Policy
  /** The layer each value came from; of a list with appended entries all of them: `group staff + user bob`. */
  readonly origins: Readonly<Record<PolicyKey, string>>
}

export interface Policies {
  /**
   * user > group > the user's other groups in their order > attributes of the back-end > host > `[policy]` > built-in; key by
   * key. `groups`: all of the user's, where no policy source knows them.
   */
  resolve(who: { readonly user: string; readonly group: string; readonly host?: string | undefined; readonly groups?: readonly string[]; readonly attributes?: PolicyLayer | undefined }): ResolvedPolicy
  /** Groups that some policy source knows for the user; undefined: known to none. */
  groups?(user: string): readonly string[] | undefined
}
