import type { ClientProfile } from '../../core/api.ts'

/** Cookies of one request; of two with one name the first counts. Tolerates the trailing `;` of Cisco's Windows client. */
export function readCookies(header: string | undefined): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  for (const part of header?.split(';') ?? []) {
    const equals = part.indexOf('=')
    if (equals < 1) continue
    const name = part.slice(0, equals).trim()
    if (!cookies.has(name)) cookies.set(name, part.slice(equals + 1).trim())
  }
  return cookies
}

const PAST = 'Thu, 01 Jan 1970 22:00:00 GMT'
const GUARDED = 'Path=/; Secure; HttpOnly; SameSite=Strict'

export const setCookie = (name: string, value: string): string => `${name}=${value}; ${GUARDED}`
export const clearCookie = (name: string): string => `${name}=; expires=${PAST}; Path=/; Secure; HttpOnly`

/**
 * Cleared first, then set in the raw form that clients read: base URI, update path, hash of the leaf certificate; and,
 * where the document has no room for it, path and hash of the profile (reference/protocol section 3.3; iOS goes silent on
 * the longer form, reference/cisco section 3).
 */
export const updateCookies = (certificateSha1: string | undefined, profile: ClientProfile | undefined): readonly string[] => [
  clearCookie('webvpnc'),
  `webvpnc=bu:/&p:t&iu:1/&sh:${certificateSha1 ?? ''}${profile === undefined ? '' : `&fu:${profile.path.slice(1)}&fh:${profile.sha1}`}; Path=/; Secure; HttpOnly`,
]
