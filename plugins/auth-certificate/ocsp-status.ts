import { createHash, X509Certificate } from 'node:crypto'
import type { Clock, Logger, OcspVerdict } from '../../core/api.ts'
import type { Fetch } from './bounded-fetch.ts'
import type { StatusCheck } from './certificate-judge.ts'
import type { AuthCertificateConfig } from './config.ts'
import type { Trust } from './trust.ts'

const LIMIT_MS = 3000
const LIMIT_BYTES = 64 * 1024
/** Questions under way; a login beyond them is as if the responder were silent. */
export const MAX_QUESTIONS = 32
const MAX_REMEMBERED = 10_000
/** At most, however long the answer would hold. */
const KEEP_MS = 3_600_000
/** What gave no answer is asked again, but not by every login. */
const KEEP_FAILURE_MS = 30_000

export interface OcspStatusParts {
  readonly trust: Pick<Trust, 'ocspRequest' | 'ocspVerdict'>
  readonly config: () => Pick<AuthCertificateConfig, 'ocsp' | 'ocsp-url'>
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn'>
  readonly fetch: Fetch
  /** Chains of an authority that has no responder. */
  readonly exempt: (chain: readonly Uint8Array[]) => boolean
}
type Answer = Pick<OcspVerdict, 'status' | 'text' | 'revokedAt' | 'nextUpdate'>

/** Asks the responder of the leaf (RFC 6960), remembers its answers until they end, and never asks twice at once. */
export class OcspStatus implements StatusCheck {
  private readonly known = new Map<string, { readonly answer: Answer; readonly until: number }>()
  private readonly asking = new Map<string, Promise<Answer>>()

  constructor(private readonly parts: OcspStatusParts) {}

  async problem(chain: readonly Uint8Array[]): Promise<string | undefined> {
    const { ocsp } = this.parts.config()
    if (ocsp === 'off' || this.parts.exempt(chain)) return undefined
    const answer = await this.answer(chain)
    switch (answer.status) {
      case 'good': return undefined
      case 'revoked': return `the responder says: revoked${answer.revokedAt > 0 ? ` since ${new Date(answer.revokedAt * 1000).toISOString()}` : ''}${answer.text === '' ? '' : ` (${answer.text})`}`
      case 'unknown': return 'the responder does not know the certificate'
      case 'unusable': return ocsp === 'soft' ? undefined : `no answer of a responder: ${answer.text}`
    }
  }

  private async answer(chain: readonly Uint8Array[]): Promise<Answer> {
    const leaf = chain[0] as Uint8Array
    const url = this.parts.config()['ocsp-url'] ?? responderOf(leaf)
    const key = createHash('sha256').update(leaf).update(url ?? '').digest('base64')
    const known = this.known.get(key)
    if (known && known.until > this.parts.clock.now()) return known.answer
    const under = this.asking.get(key)
    if (under) return under
    if (url === undefined) return unusable('the certificate names none')
    if (this.asking.size >= MAX_QUESTIONS) return unusable('too many questions are under way')
    const question = this.ask(url, chain).finally(() => this.asking.delete(key))
    this.asking.set(key, question)
    const answer = await question
    this.remember(key, answer)
    return answer
  }

  private async ask(url: string, chain: readonly Uint8Array[]): Promise<Answer> {
    const { trust, fetch, log } = this.parts
    const request = trust.ocspRequest(chain[0] as Uint8Array, chain[1] as Uint8Array)
    let answer: Answer
    try {
      answer = trust.ocspVerdict(chain, request, await fetch(url, { body: request, type: 'application/ocsp-request', limitBytes: LIMIT_BYTES, limitMs: LIMIT_MS }))
    } catch (error) {
      answer = unusable(reasonOf(error))
    }
    if (answer.status === 'unusable') log.warn('an OCSP responder gives no answer', { url, reason: answer.text })
    return answer
  }

  private remember(key: string, answer: Answer): void {
    const now = this.parts.clock.now()
    const until = answer.status === 'good' || answer.status === 'revoked' ? Math.min(answer.nextUpdate > 0 ? answer.nextUpdate * 1000 : now + KEEP_FAILURE_MS, now + KEEP_MS) : now + KEEP_FAILURE_MS
    const oldest = this.known.keys().next().value
    if (this.known.size >= MAX_REMEMBERED && oldest !== undefined) this.known.delete(oldest)
    this.known.set(key, { answer, until })
  }
}

const unusable = (text: string): Answer => ({ status: 'unusable', text, revokedAt: 0, nextUpdate: 0 })

/** fetch says the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${LIMIT_MS / 1000} s`
  return error.cause instanceof Error ? error.cause.message : error.message
}

/** The first responder by HTTP that the certificate names; its issuer has signed that. */
function responderOf(leaf: Uint8Array): string | undefined {
  const url = /^OCSP - URI:(http:\/\/[\x21-\x7e]{1,1000})$/m.exec(new X509Certificate(leaf).infoAccess ?? '')?.[1]
  return url !== undefined && URL.canParse(url) ? url : undefined
}
