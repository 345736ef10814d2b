import { createCipheriv, createDecipheriv } from 'node:crypto'
import { pooledRandomBytes } from '../random.ts'
import { formatSessionId, parseSessionId } from './session-id.ts'

/**
 * The `webvpn` cookie: base64url of
 *
 *   version (1) | key id (6) | nonce (12) | AES-256-GCM( session id (16) | issued ms (6) | expires ms (6) ) (28) | tag (16)
 *
 * 63 bytes, 84 characters, so that no character has bits to spare: every altered bit is an altered byte. Version and key
 * id are authenticated too. The session's row is the authority on whether it is still good.
 */
export const COOKIE_LENGTH = 84
/** What is longer is not even looked at. */
export const MAX_COOKIE_LENGTH = 512
const VERSION = 1
const HEAD = 7
const NONCE = 12
const SEALED = 28
/** `expires` of a session without an end. */
export const NEVER = 2 ** 48 - 1

export interface CookieKey {
  /** 12 hex digits. */
  readonly id: string
  /** 32 bytes. */
  readonly key: Uint8Array
}
export interface CookieContent {
  readonly session: string
  /** Wall clock, milliseconds. */
  readonly issued: number
  /** NEVER: no end. */
  readonly expires: number
}

export function sealCookie(content: CookieContent, key: CookieKey): string {
  const session = parseSessionId(content.session)
  if (!session) throw new Error('not a session id')
  const head = Buffer.concat([Buffer.of(VERSION), Buffer.from(key.id, 'hex')])
  const nonce = pooledRandomBytes(NONCE)
  const plain = Buffer.alloc(SEALED)
  plain.set(session)
  plain.writeUIntBE(content.issued, 16, 6)
  plain.writeUIntBE(content.expires, 22, 6)
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce)
  cipher.setAAD(head)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([head, nonce, sealed, cipher.getAuthTag()]).toString('base64url')
}

/** `keyOf` finds a key by its id. Never throws, whatever the text. */
export function openCookie(text: string, keyOf: (id: string) => CookieKey | undefined): CookieContent | 'malformed' | 'forged' {
  if (text.length !== COOKIE_LENGTH || !/^[A-Za-z0-9_-]+$/.test(text)) return 'malformed'
  const bytes = Buffer.from(text, 'base64url')
  if (bytes[0] !== VERSION) return 'malformed'
  const key = keyOf(bytes.toString('hex', 1, HEAD))
  if (!key) return 'forged'
  const decipher = createDecipheriv('aes-256-gcm', key.key, bytes.subarray(HEAD, HEAD + NONCE))
  decipher.setAAD(bytes.subarray(0, HEAD))
  decipher.setAuthTag(bytes.subarray(HEAD + NONCE + SEALED))
  let plain: Buffer
  try {
    plain = Buffer.concat([decipher.update(bytes.subarray(HEAD + NONCE, HEAD + NONCE + SEALED)), decipher.final()])
  } catch {
    // The one thing `final` throws for is a tag that does not fit.
    return 'forged'
  }
  return { session: formatSessionId(plain.subarray(0, 16)), issued: plain.readUIntBE(16, 6), expires: plain.readUIntBE(22, 6) }
}
