import type { Fate } from './finding.ts'

const OLD = /^-VERS-(?:SSL3\.0|TLS1\.0|TLS1\.1|DTLS0\.9|DTLS1\.0|ALL)$/
const KEPT = /^[-!]VERS-(?:TLS1\.2|TLS1\.3|DTLS1\.2)$/
const RELAXED = /^\+VERS-(?:SSL3\.0|TLS1\.0|TLS1\.1|DTLS0\.9|DTLS1\.0)$/
const BASES = new Set(['NORMAL', 'PERFORMANCE', 'SECURE', 'SECURE128', 'SECURE192', 'SECURE256', 'PFS', 'LEGACY', 'SUITEB128', 'SUITEB192', 'NONE', '@SYSTEM', 'SYSTEM'])

/** What each word of a GnuTLS priority string means here, where versions and suites are not set one by one. */
export function explainPriorities(value: string): readonly { readonly severity: Fate; readonly text: string }[] {
  const words = value.split(':').map((word) => word.trim()).filter((word) => word !== '')
  const by = (pick: (word: string) => boolean): string => words.filter(pick).join(':')
  const [old, kept, relaxed] = [by((word) => OLD.test(word)), by((word) => KEPT.test(word)), by((word) => RELAXED.test(word))]
  const strict = by((word) => /^(?:SECURE192|SECURE256|SUITEB)/.test(word))
  const ciphers = by((word) => !BASES.has(word) && !word.startsWith('%') && !OLD.test(word) && !KEPT.test(word) && !RELAXED.test(word))
  return [
    ...(old === '' ? [] : [{ severity: 'explained' as const, text: `${old}: nothing older than TLS 1.2 is ever spoken` }]),
    ...(kept === '' ? [] : [{ severity: 'explained' as const, text: `${kept}: TLS 1.2 and 1.3 are both offered, the client takes the newer it knows` }]),
    ...(relaxed === '' ? [] : [{ severity: 'refused' as const, text: `${relaxed}: nothing older than TLS 1.2 is spoken; clients that know no other must be updated` }]),
    ...(strict === '' ? [] : [{ severity: 'explained' as const, text: `${strict}: AES-GCM and ChaCha20 with elliptic curves are what is offered; "fips = true" in [gateway] leaves AES-GCM alone` }]),
    ...(ciphers === '' ? [] : [{ severity: 'explained' as const, text: `${ciphers}: suites are not chosen one by one; weak ones are never offered` }]),
    ...(old + kept + relaxed + strict + ciphers === '' ? [{ severity: 'explained' as const, text: 'the gateway offers TLS 1.2 and 1.3 with strong suites' }] : []),
  ]
}
