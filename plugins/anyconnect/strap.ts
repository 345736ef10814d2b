import { verify, type KeyObject } from 'node:crypto'
import { p256Key, PeerError, type HttpRequest } from '../../core/api.ts'

/** `[anyconnect] strap`. */
export type StrapMode = 'verify' | 'require' | 'ignore'

/** What a CONNECT proves of who sends it. `next`: the key by which the client proves itself from now on. */
export type StrapVerdict =
  | { readonly kind: 'unproved' }
  | { readonly kind: 'proved'; readonly next: Uint8Array }
  | { readonly kind: 'refused'; readonly why: string }

const MAX_KEY_TEXT = 256
/** Of a DER signature by P-256, at most 72 bytes. */
const MAX_PROOF_TEXT = 100

/** Bytes of a header; undefined without it, when it comes twice or is no base64 of up to `max` characters. */
function base64Header(headers: HttpRequest['headers'], name: string, max: number): Uint8Array | undefined {
  const values = headers.get(name) ?? []
  const [text] = values
  if (text === undefined || values.length > 1 || text.length > max || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}

/** The keys that a client offers with a request, DER as it came; nobody has looked whether they are keys. */
export const strapKey = (headers: HttpRequest['headers']): Uint8Array | undefined => base64Header(headers, 'x-anyconnect-strap-pubkey', MAX_KEY_TEXT)
export const strapDhKey = (headers: HttpRequest['headers']): Uint8Array | undefined => base64Header(headers, 'x-anyconnect-strap-dh-pubkey', MAX_KEY_TEXT)

/** Of these `strapKey`, where it is one that can verify a proof: P-256. */
export function bindingKey(headers: HttpRequest['headers']): Uint8Array | undefined {
  const der = strapKey(headers)
  return der && keyOf(der) && der
}

/**
 * The proof in a CONNECT: a signature by one of the session's `keys` over what binds it to its connection and the client's next key
 * (reference/protocol sections 4.4 and 17.0: the Finished, or with TLS 1.3 the exporter). A session without a key has nothing to prove. A
 * client that has proved itself once always can: without a proof it is another one.
 */
export function judgeProof(mode: StrapMode, keys: readonly Uint8Array[], headers: HttpRequest['headers'], channelBindings: readonly Uint8Array[]): StrapVerdict {
  if (mode === 'ignore' || keys.length === 0) return { kind: 'unproved' }
  if (!headers.has('x-anyconnect-strap-verify')) {
    return mode === 'require' || keys.length > 1 ? { kind: 'refused', why: 'no proof of possession' } : { kind: 'unproved' }
  }
  const next = bindingKey(headers)
  const proof = base64Header(headers, 'x-anyconnect-strap-verify', MAX_PROOF_TEXT)
  if (!next || !proof) return { kind: 'refused', why: 'the proof of possession is malformed' }
  const signed = channelBindings.map((binding) => Buffer.concat([binding, next]))
  for (const der of [...keys].reverse()) {
    const key = keyOf(der)
    if (key && signed.some((bytes) => verify('sha256', bytes, key, proof))) return { kind: 'proved', next }
  }
  return { kind: 'refused', why: 'the proof of possession is by a key that is not of this session, or of another connection' }
}

function keyOf(der: Uint8Array): KeyObject | undefined {
  try {
    return p256Key(der)
  } catch (error) {
    if (error instanceof PeerError) return undefined
    throw error
  }
}
