import type { PolicyValues } from '../policy/policy.ts'

/** The core's own part of the configuration, validated, paths absolute, durations in seconds. */
export interface GatewayConfig {
  readonly file: string
  readonly gateway: {
    readonly name: string
    readonly listen: readonly { readonly address: string; readonly port: number }[]
    /** Empty: a self-signed one lives in the data directory. Same length as `keys`. */
    readonly certificates: readonly string[]
    readonly keys: readonly string[]
    readonly workers: number
    readonly device: string
    readonly proxyProtocolFrom: readonly string[]
    readonly maxSessions: number
    /** Approved algorithms only, in TLS and DTLS. */
    readonly fips: boolean
    /** Names of the groups offered where no host answers, in this order; the first is the default group. Never empty. */
    readonly groups: readonly string[]
  }
  readonly pools: ReadonlyMap<string, PoolConfig>
  readonly policy: PolicyValues
  /** In the order of the file. Never empty: `default` stands in. */
  readonly groups: ReadonlyMap<string, GroupConfig>
  /** By the name of their section. */
  readonly hosts: ReadonlyMap<string, HostConfig>
}
/** What the gateway is under some of its names. */
export interface HostConfig {
  readonly name: string
  /** What clients may call it, lower case, `*.example.com` allowed. Never empty. */
  readonly names: readonly string[]
  /** Empty: those of the gateway. Same length as `keys`. */
  readonly certificates: readonly string[]
  readonly keys: readonly string[]
  /** Names of the groups offered here, in this order; those of the gateway where none are given. Never empty. */
  readonly groups: readonly string[]
  /** Between the layers of a session's group or back-end and `[policy]`. */
  readonly policy: PolicyValues
}
export interface PoolConfig {
  readonly name: string
  /** CIDR; the first host address is the gateway's own. */
  readonly ipv4?: string | undefined
  readonly ipv6?: string | undefined
  readonly quarantineSec: number
}
export interface GroupConfig {
  readonly name: string
  readonly label: string
  /** False: clients do not see it in their list; a URL and a user's own groups reach it all the same. */
  readonly listed?: boolean
  /** OR of AND chains of back-end names. */
  readonly auth: readonly (readonly string[])[]
  readonly policy: PolicyValues
}
