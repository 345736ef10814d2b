/** One element of DER: its tag, where it begins, where its content begins and ends. */
export interface DerElement {
  readonly tag: number
  readonly at: number
  readonly from: number
  readonly to: number
}

/** The element at `at`. undefined: it is cut off, has no definite length, or is longer than 4 GiB. */
export function element(der: Uint8Array, at: number): DerElement | undefined {
  const tag = der[at]
  const first = der[at + 1]
  if (tag === undefined || first === undefined) return undefined
  const bytes = first < 0x80 ? 0 : first & 0x7f
  if (bytes > 4 || first === 0x80) return undefined
  let length = bytes === 0 ? first : 0
  for (let i = 0; i < bytes; i++) length = length * 256 + (der[at + 2 + i] ?? NaN)
  const from = at + 2 + bytes
  return from + length <= der.length ? { tag, at, from, to: from + length } : undefined
}

/** The elements that fill `outer`, at most `limit`. undefined: they do not, or are more. */
export function elementsIn(der: Uint8Array, outer: Pick<DerElement, 'from' | 'to'>, limit: number): readonly DerElement[] | undefined {
  const all: DerElement[] = []
  for (let at = outer.from; at < outer.to;) {
    const one = element(der, at)
    if (!one || one.to > outer.to || all.push(one) > limit) return undefined
    at = one.to
  }
  return all
}
