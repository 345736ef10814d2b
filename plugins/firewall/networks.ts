import { contains, formatAddress, formatPrefix, parseAddress, parsePrefix, prefixOf, prefixSize, bits, type Prefix } from '../../core/api.ts'

/** A prefix, or an address as one. */
export function network(text: string): Prefix {
  const address = parseAddress(text)
  const prefix = address ? prefixOf(address, bits(address.family)) : parsePrefix(text)
  if (!prefix) throw new Error(`not a network: ${text}`)
  return prefix
}

const order = (a: Prefix, b: Prefix): number => (a.base < b.base ? -1 : a.base > b.base ? 1 : a.length - b.length)
const within = (outer: Prefix | undefined, inner: Prefix): boolean => outer !== undefined && outer.length <= inner.length && contains(outer, { family: inner.family, value: inner.base })

/** The networks of one family, without those inside another, by address: none overlaps the next. */
export function outermost(texts: readonly string[], family: 4 | 6): readonly Prefix[] {
  const kept: Prefix[] = []
  for (const prefix of texts.map(network).filter((one) => one.family === family).sort(order)) {
    if (!within(kept.at(-1), prefix)) kept.push(prefix)
  }
  return kept
}

/** As nft writes it: an address without a length. */
export const elementText = (prefix: Prefix): string =>
  prefix.length === bits(prefix.family) ? formatAddress({ family: prefix.family, value: prefix.base }) : formatPrefix(prefix)

/** Ranges that do not overlap, each with the value of the smallest network around it; networks are of one family. */
export function flatten<V>(entries: ReadonlyMap<string, V>): readonly (readonly [range: string, value: V])[] {
  const sorted = [...entries].map(([text, value]) => ({ prefix: network(text), value })).sort((a, b) => order(a.prefix, b.prefix))
  const ranges: (readonly [string, V])[] = []
  const open: { readonly prefix: Prefix; readonly value: V }[] = []
  let next = 0n
  const upTo = (end: bigint): void => {
    const top = open.at(-1)
    if (top && next < end) {
      const text = (value: bigint): string => formatAddress({ family: top.prefix.family, value })
      ranges.push([next === end - 1n ? text(next) : `${text(next)}-${text(end - 1n)}`, top.value])
    }
    next = end
  }
  const close = (): void => {
    const top = open.at(-1)
    if (top) upTo(top.prefix.base + prefixSize(top.prefix))
    open.pop()
  }
  for (const entry of sorted) {
    while (open.length > 0 && !within(open.at(-1)?.prefix, entry.prefix)) close()
    upTo(entry.prefix.base)
    open.push(entry)
  }
  while (open.length > 0) close()
  return ranges
}

/** The prefix without that address: the halves on the way down to it. */
export function without(prefix: Prefix, address: { readonly family: 4 | 6; readonly value: bigint }): readonly Prefix[] {
  if (!contains(prefix, address)) return [prefix]
  const others: Prefix[] = []
  for (let length = prefix.length + 1; length <= bits(prefix.family); length++) {
    const size = 1n << BigInt(bits(prefix.family) - length)
    const mine = prefixOf(address, length)
    others.push({ ...mine, base: mine.base ^ size })
  }
  return others
}
