/** The bytes are no message of the DNS. */
export class Malformed extends Error {}

export const MAX_NAME = 255
const MAX_LABEL = 63

/** Offset behind the name at `at` (RFC 1035 section 4.1.4): a pointer ends it and is not followed. */
export function skipName(bytes: Buffer, at: number): number {
  for (let next = at; ;) {
    const length = bytes[next]
    if (length === undefined) throw new Malformed('a name ends early')
    if (length >= 0xc0) {
      if (next + 2 > bytes.length) throw new Malformed('a pointer ends early')
      return next + 2
    }
    if (length > MAX_LABEL) throw new Malformed('a label of an unknown kind')
    next += 1 + length
    if (next - at > MAX_NAME) throw new Malformed('a name is too long')
    if (length === 0) return next
  }
}

/** The labels of the name at `at`, as sent. One with a pointer is refused: nothing stands in front of a question. */
export function readLabels(bytes: Buffer, at: number): { readonly labels: readonly string[]; readonly end: number } {
  const end = skipName(bytes, at)
  const labels: string[] = []
  for (let next = at; next < end - 1; ) {
    const length = bytes[next] ?? 0
    if (length > MAX_LABEL) throw new Malformed('a pointer in a question')
    labels.push(bytes.toString('latin1', next + 1, next + 1 + length))
    next += 1 + length
  }
  return { labels, end }
}

/** Lower case with dots, `.` is the root. What is not a letter, digit, `-` or `_` is written as RFC 1035 section 5.1 has it: `\046`. */
export const nameText = (labels: readonly string[]): string =>
  labels.length === 0 ? '.' : labels.map((label) => label.replace(/[^A-Za-z0-9_-]/g, (character) => `\\${String(character.charCodeAt(0)).padStart(3, '0')}`).toLowerCase()).join('.')

/** The root is one byte. */
export function writeName(text: string): Buffer {
  const labels = text === '.' ? [] : text.split('.')
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]), Buffer.from([0])])
}
