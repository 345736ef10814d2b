import type { ConnectRequest, TunnelSpec } from '../../core/api.ts'

export type ContentEncoding = NonNullable<NonNullable<TunnelSpec['compression']>['cstp']>

/** Best first. deflate is for clients that know nothing else: it holds memory for each tunnel, and a packet depends on all before it. */
const ENCODINGS: readonly ContentEncoding[] = ['oc-lz4', 'lzs', 'deflate']
/** No client offers more; what comes behind is not read. */
const MAX_OFFERED = 16

/** How the packets of the TLS channel are compressed, of what the client offers (reference/protocol sections 7.1 and 8). */
export function contentEncoding({ headers }: ConnectRequest): ContentEncoding | undefined {
  const offered = (headers.get('x-cstp-accept-encoding') ?? []).join(',').split(',', MAX_OFFERED).map((name) => name.trim().toLowerCase())
  return ENCODINGS.find((encoding) => offered.includes(encoding))
}
