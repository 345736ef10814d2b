import { formatPrefix, parseAddress, parsePrefix, prefixOf } from '../../core/api.ts'

/**
 * The network of a Framed-Route or Framed-IPv6-Route: `10.0.0.0/8 0.0.0.0 1`, gateway and metric left aside; or with a mask, as
 * Cisco writes it: `10.0.0.0 255.0.0.0`. Host bits are cleared. Undefined for anything else.
 */
export function readRoute(text: string): string | undefined {
  const [first = '', second = ''] = text.trim().split(/\s+/)
  const prefix = parsePrefix(first)
  if (prefix) return formatPrefix(prefix)
  const [address, length] = [parseAddress(first), maskLength(second)]
  return address?.family === 4 && length !== undefined ? formatPrefix(prefixOf(address, length)) : undefined
}

/** `255.255.0.0` -> 16. */
function maskLength(text: string): number | undefined {
  const mask = parseAddress(text)
  if (mask?.family !== 4) return undefined
  const length = mask.value.toString(2).replace(/0+$/, '').length
  return mask.value === 0n ? 0 : mask.value >> 31n === 1n && /^1+0*$/.test(mask.value.toString(2)) ? length : undefined
}
