import { element } from './der-element.ts'

function time(der: Uint8Array, { tag, from, to }: { readonly tag: number; readonly from: number; readonly to: number }): number | undefined {
  const text = Buffer.from(der.subarray(from, Math.min(to, from + 32))).toString('latin1')
  const match = (tag === 0x17 ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text)
  if (!match) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  return Date.UTC(tag === 0x17 ? (year < 50 ? 2000 : 1900) + year : year, month - 1, day, hour, minute, second)
}

/** `nextUpdate` of a revocation list (RFC 5280 section 5.1), ms; undefined: it has none. Reads the head alone, whatever follows. */
export function nextUpdateOf(der: Uint8Array): number | undefined {
  const list = element(der, 0)
  let at = list && element(der, list.from)?.from
  const tags: number[] = []
  for (let step = 0; at !== undefined && step < 5; step++) {
    const part = element(der, at)
    if (!part) return undefined
    const isTime = part.tag === 0x17 || part.tag === 0x18
    if (isTime && tags.some((tag) => tag === 0x17 || tag === 0x18)) return time(der, part)
    tags.push(part.tag)
    at = part.to
  }
  return undefined
}
