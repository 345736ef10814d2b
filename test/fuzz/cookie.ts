import { readFileSync } from 'node:fs'
import { COOKIE_LENGTH, openCookie, sealCookie, type CookieKey } from '../../core/session/cookie.ts'
import { parseSessionId } from '../../core/session/session-id.ts'

/** The key of the committed corpus: its first file opens under it. */
export const key: CookieKey = { id: '706f73746572', key: new Uint8Array(32).fill(7) }
const keyOf = (id: string): CookieKey | undefined => (id === key.id ? key : undefined)

/** Any text is refused or opens to what was sealed; nothing throws, and nothing that was not sealed with the key opens. */
export function run(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1')
  const opened = openCookie(text, keyOf)
  if (typeof opened !== 'string') {
    if (text.length !== COOKIE_LENGTH || !parseSessionId(opened.session)) throw new Error('opened something that is no cookie')
    const again = openCookie(sealCookie(opened, key), keyOf)
    if (JSON.stringify(again) !== JSON.stringify(opened)) throw new Error('does not come back as it was sealed')
    // A mutation never has the right tag; only the corpus has one that does.
    if (!KNOWN.has(text)) throw new Error('a cookie nobody sealed was opened')
  }
}
const KNOWN = new Set([readFileSync(new URL('corpus/cookie/good', import.meta.url), 'latin1')])
