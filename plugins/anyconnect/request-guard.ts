import type { Refusal, RequestHead } from './request-head.ts'

/** Bounds on one request and on what a connection without a tunnel may cost. */
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

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'CONNECT']

/** How the body of a request that may pass is framed, bytes or `chunked`; else why it may not. */
export function admit(head: RequestHead): number | 'chunked' | Refusal {
  const framing = bodyFraming(head)
  return typeof framing === 'object' ? framing : (requestRefusal(head, framing) ?? framing)
}

// Two lengths, a length and chunks, codings that nobody knows: proxies would disagree with us.
function bodyFraming({ headers, version }: RequestHead): number | 'chunked' | Refusal {
  const lengths = headers.get('content-length')
  const codings = headers.get('transfer-encoding')
  if (codings) {
    const known = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked' && !lengths && version === '1.1'
    return known ? 'chunked' : { status: 400, reason: 'transfer coding' }
  }
  if (!lengths) return 0
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0] ?? '')) return { status: 400, reason: 'content length' }
  return Number(lengths[0])
}

function requestRefusal(head: RequestHead, framing: number | 'chunked'): Refusal | undefined {
  const { method, target, headers } = head
  if (head.count > REQUEST_LIMITS.headers) return { status: 431, reason: 'too many headers' }
  if (headers.get('host')?.length !== 1) return { status: 400, reason: 'not one Host header' }
  if (!METHODS.includes(method)) return { status: 405, reason: 'method' }
  if (method !== 'CONNECT' && !/^(?:\/|https?:\/\/)/i.test(target)) return { status: 400, reason: 'target' }
  if (method !== 'POST' && framing !== 0) return { status: 400, reason: `${method} with a body` }
  if (framing !== 'chunked' && framing > REQUEST_LIMITS.bodyBytes) return { status: 413, reason: 'body too long' }
  const expect = headers.get('expect')
  if (expect && !expectsContinue(head)) return { status: 417, reason: 'expectation' }
  return undefined
}

/** The client waits for `100 Continue` before it sends the body. */
export const expectsContinue = ({ headers }: RequestHead): boolean => headers.get('expect')?.[0]?.toLowerCase() === '100-continue'

/** Path without query, scheme and authority. */
export const pathOf = (target: string): string =>
  (target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '')).split(/[?#]/, 1)[0] || '/'
