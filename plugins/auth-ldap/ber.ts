/** What a directory may not send. */
export class FramingError extends Error {}

/** One element of BER with a definite length (RFC 4511 section 5.1). */
export interface Element {
  readonly tag: number
  readonly value: Buffer
}

/** What stands in `bytes` one behind the other, each whole. Tags have one byte, as all of LDAP's. Throws FramingError. */
export function elements(bytes: Buffer): readonly Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length;) {
    const header = headerAt(bytes, at)
    if (!header || header.end > bytes.length) throw new FramingError('an element of a message is not complete')
    found.push({ tag: header.tag, value: bytes.subarray(header.start, header.end) })
    at = header.end
  }
  return found
}

/** Where the value of the element at `at` begins and ends; undefined while its header is not complete. */
export function headerAt(bytes: Buffer, at: number): { readonly tag: number; readonly start: number; readonly end: number } | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  const size = first & 0x7f
  if (size === 0 || size > 4) throw new FramingError('what came is no LDAP')
  const start = at + 2 + size
  return bytes.length < start ? undefined : { tag, start, end: start + bytes.readUIntBE(at + 2, size) }
}
