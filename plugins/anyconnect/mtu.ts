/** reference/protocol section 7.3; all values in bytes. */

const IP_HEADER = { 4: 20, 6: 40 } as const
const UDP_HEADER = 8
/** Record header, explicit nonce and tag of DTLS 1.2 with AES-GCM. */
const DTLS_GCM_OVERHEAD = 37
const TYPE_BYTE = 1

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
  /** Family of the outer connection. */
  readonly outer: 4 | 6
  /** `mtu` of the policy. */
  readonly limit: number
}

export interface Mtu {
  readonly baseMtu: number
  /** Largest inner packet. */
  readonly mtu: number
}

/** The smallest of policy, the client's wish and what fits into one outer packet of a DTLS channel. */
export function tunnelMtu(request: MtuRequest): Mtu {
  const baseMtu = within(request.baseMtu, BASE_MTU_RANGE) ?? DEFAULT_BASE_MTU
  const fits = baseMtu - IP_HEADER[request.outer] - UDP_HEADER - DTLS_GCM_OVERHEAD - TYPE_BYTE
  const wanted = within(request.mtu, MTU_RANGE) ?? fits
  return { baseMtu, mtu: Math.max(MTU_RANGE.low, Math.min(request.limit, wanted, fits)) }
}

function within(text: string | undefined, range: { readonly low: number; readonly high: number }): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined
  const value = Number(text)
  return value >= range.low && value <= range.high ? value : undefined
}
