import { x509 } from './x509-library.ts'
import { SUBJECT_FIELDS, type NameSource } from './name-source.ts'

/** Values of one certificate that may name somebody. */
const MAX_VALUES = 64
const SAN_TYPES = { email: 'email', upn: 'upn', uri: 'url', dns: 'dns' } as const

/** The names of a certificate that was found good, in its order: of a subject that is from the widest to the narrowest. Throws for what is no certificate. */
export function namesIn(der: Uint8Array, { part, field }: NameSource): readonly string[] {
  const certificate = new (x509().X509Certificate)(new Uint8Array(der))
  if (part === 'san') {
    const names = certificate.getExtension(x509().SubjectAlternativeNameExtension)?.names.items ?? []
    return names.filter(({ type }) => type === SAN_TYPES[field]).map(({ value }) => value).slice(0, MAX_VALUES)
  }
  const wanted: readonly string[] = [field, SUBJECT_FIELDS[field]]
  return certificate.subjectName.toJSON().flatMap((rdn) => Object.entries(rdn).flatMap(([name, values]) => (wanted.includes(name) ? values : []))).slice(0, MAX_VALUES)
}
