import { z } from 'zod'

/** Where in a certificate a name stands. */
export type NameSource =
  | { readonly part: 'subject'; readonly field: SubjectField }
  | { readonly part: 'san'; readonly field: SanField }

/** With the attribute types of X.520 and RFC 4519. */
export const SUBJECT_FIELDS = { CN: '2.5.4.3', UID: '0.9.2342.19200300.100.1.1', O: '2.5.4.10', OU: '2.5.4.11', SERIALNUMBER: '2.5.4.5', E: '1.2.840.113549.1.9.1' } as const
export type SubjectField = keyof typeof SUBJECT_FIELDS
export const SAN_FIELDS = ['email', 'upn', 'uri', 'dns'] as const
export type SanField = (typeof SAN_FIELDS)[number]

const isSubject = (field: string): field is SubjectField => Object.hasOwn(SUBJECT_FIELDS, field)
const isSan = (field: string): field is SanField => (SAN_FIELDS as readonly string[]).includes(field)

/** `"subject:CN"`, `"san:email"`. */
export const nameSource = () =>
  z.string().transform((text, context): NameSource => {
    const [part, field = ''] = text.split(':')
    if (part === 'subject' && isSubject(field)) return { part, field }
    if (part === 'san' && isSan(field)) return { part, field }
    const known = [...Object.keys(SUBJECT_FIELDS).map((name) => `subject:${name}`), ...SAN_FIELDS.map((name) => `san:${name}`)].join(', ')
    context.issues.push({ code: 'custom', input: text, message: `${JSON.stringify(text.slice(0, 80))} is none of ${known}` })
    return z.NEVER
  })

export const sourceText = ({ part, field }: NameSource): string => `${part}:${field}`
