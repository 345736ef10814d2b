import type { IncomingMessage } from 'node:http'

/** Bounds on one request; node's http enforces the bytes of the head, the rest is checked here. */
export const REQUEST_LIMITS = {
  headBytes: 16 * 1024,
  headers: 100,
  bodyBytes: 256 * 1024,
  /** Of all connections together. */
  allBodiesBytes: 32 * 1024 * 1024,
  /** A body up to this length is read however many others are under way. */
  smallBodyBytes: 16 * 1024,
  /** Open at once without a tunnel, in all and from one source network; below what the data plane admits, so that there is always a place for the next. */
  connections: 1500,
  connectionsPerNetwork: 24,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** A person types between two POSTs. */
  keepAliveTimeoutMs: 240_000,
  checkingIntervalMs: 1_000,
} as const

export interface Refusal {
  readonly status: number
  readonly reason: string
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'CONNECT']

/** What node's http lets pass and a VPN port must not (reference/border sections 1 and 8); undefined: go on. */
export function requestRefusal(request: Pick<IncomingMessage, 'method' | 'rawHeaders' | 'headers'>): Refusal | undefined {
  const { rawHeaders, headers, method = '' } = request
  if (rawHeaders.length / 2 > REQUEST_LIMITS.headers) return { status: 431, reason: 'too many headers' }
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.toLowerCase() === 'host') hosts++
  if (hosts !== 1) return { status: 400, reason: 'not one Host header' }
  if (!METHODS.includes(method)) return { status: 405, reason: 'method' }
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (method !== 'POST' && hasBody) return { status: 400, reason: `${method} with a body` }
  if (Number(headers['content-length'] ?? 0) > REQUEST_LIMITS.bodyBytes) return { status: 413, reason: 'body too long' }
  return undefined
}

/** Path without query, scheme and authority. */
export const pathOf = (target: string): string => target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] || '/'
