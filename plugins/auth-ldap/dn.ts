/** One `type=value` of a distinguished name, both in lower case for comparison, and the value as it stands. */
interface Part {
  readonly key: string
  readonly value: string
}
/** From the entry to the root; parts joined by `+` are sorted. */
export type DistinguishedName = readonly (readonly Part[])[]

const MAX_LENGTH = 4096
const SPECIAL = new Set([...'"+,;<>\\='])

/** A value inside a DN (RFC 4514 section 2.4). */
export const escapeDnValue = (value: string): string =>
  [...value].map((character, at, all) => {
    if (character === '\0') return '\\00'
    const edge = (at === 0 && (character === ' ' || character === '#')) || (at === all.length - 1 && character === ' ')
    return edge || SPECIAL.has(character) ? `\\${character}` : character
  }).join('')

/** RFC 4514, with the quotes of RFC 1779 refused; undefined for what is no DN. `""` is the root. */
export function parseDn(text: string): DistinguishedName | undefined {
  if (text.length > MAX_LENGTH) return undefined
  if (text.trim() === '') return []
  const names: Part[][] = []
  let at = 0
  for (;;) {
    const parts: Part[] = []
    for (;;) {
      const type = /^ *([A-Za-z][\w-]*|\d+(?:\.\d+)+) *= */.exec(text.slice(at))
      if (!type) return undefined
      at += type[0].length
      const read = readValue(text, at)
      if (!read) return undefined
      parts.push({ key: `${(type[1] ?? '').toLowerCase()}=${read.value.toLowerCase()}`, value: read.value })
      at = read.end
      if (text[at] !== '+') break
      at++
    }
    names.push(parts.sort((a, b) => (a.key < b.key ? -1 : 1)))
    if (at === text.length) return names
    // A comma.
    at++
  }
}

/** Up to the next `,` or `+` that is not escaped. */
function readValue(text: string, start: number): { readonly value: string; readonly end: number } | undefined {
  const bytes: Buffer[] = []
  // Blanks at the end count only when they are escaped.
  let kept = 0
  let at = start
  while (at < text.length && text[at] !== ',' && text[at] !== '+') {
    const [, escaped, plain = ''] = /^(?:\\([0-9a-f]{2}|[ #"+,;<>\\=])|([^\\";]))/isu.exec(text.slice(at, at + 4)) ?? []
    if (escaped === undefined && plain === '') return undefined
    bytes.push(escaped === undefined ? Buffer.from(plain) : Buffer.from(escaped, escaped.length === 2 ? 'hex' : 'utf8'))
    at += escaped === undefined ? plain.length : 1 + escaped.length
    if (plain !== ' ') kept = bytes.length
  }
  return { value: Buffer.concat(bytes.slice(0, kept)).toString('utf8'), end: at }
}

const keyOf = (parts: readonly Part[]): string => JSON.stringify(parts.map(({ key }) => key))
/** For sets of names. */
export const dnKey = (dn: DistinguishedName): string => dn.map(keyOf).join()
/** Whether `dn` is `base` or below it. */
export const isBelow = (dn: DistinguishedName, base: DistinguishedName): boolean =>
  dn.length >= base.length && dnKey(dn.slice(dn.length - base.length)) === dnKey(base)
/** `VPN Users` of `CN=VPN Users,OU=Groups,DC=corp,DC=example`. */
export const firstValue = (dn: DistinguishedName): string | undefined => dn[0]?.[0]?.value
