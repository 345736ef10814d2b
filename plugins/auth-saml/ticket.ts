import { createHash } from 'node:crypto'
import type { SamlSubject } from './assertion.ts'

/** What of the login is kept with its session: enough to know it again when the identity provider logs somebody out. */
export const ticketOf = (idp: string, { nameId, sessionIndex }: Pick<SamlSubject, 'nameId' | 'sessionIndex'>): string =>
  JSON.stringify({ name: digest(idp, nameId), ...(sessionIndex === undefined ? {} : { index: digest(idp, sessionIndex) }) })

/**
 * Whether the session of `ticket` is one that a logout of this name means; without indexes it means all of the name. Of a
 * chain several tickets stand in one object, by their back-end.
 */
export function isMeant(ticket: string | undefined, idp: string, nameId: string, indexes: readonly string[]): boolean {
  const all = objectOf(ticket)
  const own = typeof all?.['saml'] === 'string' ? objectOf(all['saml']) : all
  return own?.['name'] === digest(idp, nameId) && (indexes.length === 0 || indexes.some((index) => digest(idp, index) === own['index']))
}

/** Tickets of other back-ends are whatever they like. */
function objectOf(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined || !/^\{.*\}$/s.test(text)) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const digest = (idp: string, value: string): string => createHash('sha256').update(`${idp}\0${value}`).digest('base64url')
