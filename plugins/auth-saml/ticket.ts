import { createHash } from 'node:crypto'
import type { SamlSubject } from './assertion.ts'

/** What of the login is kept with its session: enough to know it again when the identity provider logs somebody out. */
export const ticketOf = (idp: string, { nameId, sessionIndex }: Pick<SamlSubject, 'nameId' | 'sessionIndex'>): string =>
  JSON.stringify({ saml: digest(idp, nameId), ...(sessionIndex === undefined ? {} : { index: digest(idp, sessionIndex) }) })

/** Whether the session of `ticket` is one that a logout of this name means; without indexes it means all of the name. */
export function isMeant(ticket: string | undefined, idp: string, nameId: string, indexes: readonly string[]): boolean {
  if (ticket === undefined || !ticket.startsWith('{"saml":')) return false
  const kept = JSON.parse(ticket) as { readonly saml?: unknown; readonly index?: unknown }
  return kept.saml === digest(idp, nameId) && (indexes.length === 0 || indexes.some((index) => digest(idp, index) === kept.index))
}

const digest = (idp: string, value: string): string => createHash('sha256').update(`${idp}\0${value}`).digest('base64url')
