import { endWarningSec, netmask, type Contribution, type LearnedKeepalive, type Leases, type Policy, type Session, type ToldClocks, type TunnelSpec } from '../../core/api.ts'
import type { TunnelRequest } from './connect-request.ts'
import { contentEncoding } from './content-encoding.ts'
import { postAuthHeaders } from './dynamic-split.ts'
import { mergeHeaders, type Header } from './headers.ts'
import { IPV6_MIN_MTU, tunnelMtu, type Mtu } from './mtu.ts'
import { nameHeaders } from './name-headers.ts'
import { rekeying } from './rekey.ts'
import { splitHeaders } from './split-routes.ts'

/** Told when there is no session timeout: as long as Cisco's gateways lend an address. */
const LEASE_SEC = 1_209_600

export interface Negotiation {
  readonly request: TunnelRequest
  readonly session: Session
  readonly leases: Leases
  readonly mtu: Mtu
  readonly gatewayName: string
  /** Wall clock, ms. */
  readonly now: number
  readonly contributions: readonly Contribution[]
  /** 0 to 1, drawn for each tunnel: times that a crowd should not share. */
  readonly spread: number
  /** What is known of the network a mobile client comes from. */
  readonly keepalive: LearnedKeepalive | undefined
}
export interface Agreement {
  readonly headers: readonly Header[]
  readonly spec: TunnelSpec
}

/** Families the client can use and the MTU allows, and that MTU: what has to be known before leases are claimed. */
export function tunnelWishes(request: TunnelRequest, policy: Policy, contributions: readonly Contribution[]): { readonly mtu: Mtu; readonly families: { readonly ipv4: boolean; readonly ipv6: boolean } } {
  const mtu = tunnelMtu({ baseMtu: request.baseMtu, mtu: request.mtu, pathMtu: request.connection.pathMtu, outer: request.outer, limit: policy.mtu, overhead: Math.max(0, ...contributions.map(({ overhead }) => overhead ?? 0)) })
  return { mtu, families: { ipv4: request.wants.ipv4, ipv6: request.wants.ipv6 && mtu.mtu >= IPV6_MIN_MTU } }
}

/** The answer to CONNECT (reference/protocol section 7.2, order of reference/cisco 2.3) and what the data plane has to know. */
export function negotiate(input: Negotiation): Agreement {
  const { request, session, leases, mtu, contributions } = input
  const policy = session.policy.values
  const mobile = request.family.mobile || session.device.mobile
  const dpdSec = mobile ? policy.mobileDpdSec : policy.dpdSec
  const encoding = policy.compression ? contentEncoding(request) : undefined
  const contributed = contributions.reduce<Partial<TunnelSpec>>((all, { tunnel }) => ({ ...all, ...tunnel }), {})
  const rekey = rekeying(policy, request.connection.tlsVersion, input.spread)
  const learned = mobile && contributed.dtls ? input.keepalive : undefined
  const keepaliveSec = learned?.tlsSec ?? policy.keepaliveSec
  const own: Header[] = [
    ['X-Transcend-Version', '1'],
    ['X-CSTP-Version', '1'],
    ['X-CSTP-Protocol', 'Copyright (c) 2004 Cisco Systems, Inc.'],
    ...addressHeaders(leases, request.family.ios),
    ...(input.gatewayName === '' ? [] : [['X-CSTP-Hostname', input.gatewayName] as const]),
    ...timeHeaders(session, input.now),
    ...nameHeaders(policy, leases, request.family.kind === 'cisco', contributions),
    ...splitHeaders({ policy, leases, ios: request.family.ios, gateway: gatewayAddresses(request) }),
    ['X-CSTP-Keep', 'true'],
    ['X-CSTP-Tunnel-All-DNS', String(policy.tunnelAllDns)],
    ['X-CSTP-DPD', String(dpdSec)],
    ['X-CSTP-Keepalive', String(keepaliveSec)],
    ...rekey.headers,
    ['X-CSTP-Smartcard-Removal-Disconnect', 'true'],
    ['X-CSTP-Base-MTU', String(mtu.baseMtu)],
    ['X-CSTP-MTU', String(mtu.mtu)],
    ['X-CSTP-License', 'accept'],
    ['X-CSTP-Client-Bypass-Protocol', String(policy.clientBypassProtocol)],
    ['X-CSTP-TCP-Keepalive', 'true'],
    ...(encoding === undefined ? [] : [['X-CSTP-Content-Encoding', encoding] as const]),
    ...(policy.banner === '' ? [] : [['X-CSTP-Banner', encodeURIComponent(policy.banner)] as const]),
    ...postAuthHeaders(policy, request.family),
  ]
  const spec: TunnelSpec = {
    ...contributed,
    ...(encoding === undefined ? {} : { compression: { ...contributed.compression, cstp: encoding } }),
    ...(leases.ipv4 ? { ipv4: leases.ipv4.address } : {}),
    ...(leases.ipv6 ? { ipv6: leases.ipv6.address } : {}),
    mtu: mtu.mtu,
    dpdSec,
    dpdRetries: policy.dpdRetries,
    keepaliveSec,
    rekeySec: rekey.rekeySec,
    ...(learned && { learning: true, dtlsDpdSec: learned.probeSec, dtlsKeepaliveSec: 0 }),
    ...(policy.denyRoaming ? { roaming: false } : {}),
  }
  const told: ToldClocks = { dpdSec: learned?.tellSec ?? dpdSec, keepaliveSec: learned?.tellSec ?? keepaliveSec }
  return { headers: mergeHeaders(own, contributions.flatMap(({ headers }) => (typeof headers === 'function' ? headers(spec, told) : headers))), spec }
}

// Clients compare these literally at every reconnect.
function addressHeaders(leases: Leases, ios: boolean): readonly Header[] {
  const headers: Header[] = []
  if (leases.ipv4) headers.push(['X-CSTP-Address', leases.ipv4.address], ['X-CSTP-Netmask', netmask(leases.ipv4.prefix)])
  if (leases.ipv6) headers.push(['X-CSTP-Address-IP6', `${leases.ipv6.address}/${ios ? 128 : leases.ipv6.prefix}`])
  return headers
}

// openconnect believes the last of Lease-Duration, Session-Timeout and -Remaining, so the remaining time comes last.
function timeHeaders(session: Session, now: number): readonly Header[] {
  const policy = session.policy.values
  const remaining = session.expiresAt === undefined ? undefined : Math.max(1, Math.ceil((session.expiresAt - now) / 1000))
  return [
    ['X-CSTP-Lease-Duration', String(remaining ?? LEASE_SEC)],
    ['X-CSTP-Session-Timeout', session.expiresAt === undefined ? 'none' : String(Math.ceil((session.expiresAt - session.createdAt) / 1000))],
    ['X-CSTP-Session-Timeout-Alert-Interval', String(endWarningSec(policy))],
    ['X-CSTP-Session-Timeout-Remaining', remaining === undefined ? 'none' : String(remaining)],
    ['X-CSTP-Idle-Timeout', secondsOrNone(policy.idleTimeoutSec)],
    ['X-CSTP-Disconnected-Timeout', secondsOrNone(policy.disconnectedTimeoutSec)],
  ]
}

/** Where the connection ends, and where the client dialled: behind a NAT these differ. */
const gatewayAddresses = ({ connection, headers }: TunnelRequest): readonly string[] =>
  [connection.local.address.replace(/^::ffff:(?=\d+\.)/i, ''), ...['x-cstp-remote-address-ip4', 'x-cstp-remote-address-ip6'].flatMap((name) => headers.get(name)?.[0]?.trim() ?? [])]

const secondsOrNone = (seconds: number): string => (seconds === 0 ? 'none' : String(seconds))
