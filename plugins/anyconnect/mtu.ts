/** reference/protocol section 7.3; all values in bytes. */

const IP_HEADER = { 4: 20, 6: 40 } as const
/** UDP header 8, record header, explicit nonce and tag of DTLS 1.2 with AES-GCM 37, type byte 1: room that every tunnel leaves. */
const DTLS_GCM_OVERHEAD = 46

/** Path MTU of the outer connection when the client does not tell. */
export const DEFAULT_BASE_MTU = 1500
/** Smallest inner MTU that IPv6 can live with. */
export const IPV6_MIN_MTU = 1280
export const BASE_MTU_RANGE = { low: 1280, high: 16384 } as const
export const MTU_RANGE = { low: 576, high: 16384 } as const

export interface MtuRequest {
  /** `X-CSTP-Base-MTU` and `X-CSTP-MTU` as sent; values out of range count as absent. */
  readonly baseMtu?: string | undefined
  readonly mtu?: string | undefined
  /** What the kernel knows of the way to the client. */
  readonly pathMtu?: number | undefined
  /** Family of the outer connection. */
  readonly outer: 4 | 6
  /** `mtu` of the policy. */
  readonly limit: number
  /** What a channel puts around an inner packet, the outer IP header aside, where that is more than usual. */
  readonly overhead?: number
}

export interface Mtu {
  readonly baseMtu: number
  /** Largest inner packet. */
  readonly mtu: number
}

/**
 * The smallest of policy, the client's wish and what fits into one outer packet of a DTLS channel, by what both ends know
 * of the path. The TLS channel is a stream and sets no limit of its own.
 */
export function tunnelMtu(request: MtuRequest): Mtu {
  const ownPath = Math.max(MTU_RANGE.low, request.pathMtu ?? BASE_MTU_RANGE.high)
  const baseMtu = Math.min(within(request.baseMtu, BASE_MTU_RANGE) ?? DEFAULT_BASE_MTU, ownPath)
  const fits = baseMtu - IP_HEADER[request.outer] - Math.max(DTLS_GCM_OVERHEAD, request.overhead ?? 0)
  const wanted = within(request.mtu, MTU_RANGE) ?? fits
  return { baseMtu, mtu: Math.max(MTU_RANGE.low, Math.min(request.limit, wanted, fits)) }
}

function within(text: string | undefined, range: { readonly low: number; readonly high: number }): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined
  const value = Number(text)
  return value >= range.low && value <= range.high ? value : undefined
}
