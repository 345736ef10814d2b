/**
 * IPv4 and IPv6 addresses and prefixes as numbers. Strict: four decimal parts without leading zeros (no `0x7f.1`,
 * no `010.0.0.1`), RFC 4291 section 2.2 for IPv6, no zone. Pure; malformed text gives undefined.
 */
export type Family = 4 | 6
export interface Address {
  readonly family: Family
  readonly value: bigint
}
export interface Prefix {
  readonly family: Family
  /** First address of the network; host bits are zero. */
  readonly base: bigint
  readonly length: number
}

export const bits = (family: Family): number => (family === 4 ? 32 : 128)

function parseIpv4(text: string): bigint | undefined {
  if (!/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text)) return undefined
  let value = 0n
  for (const part of text.split('.')) {
    if (Number(part) > 255) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

function parseIpv6(text: string): bigint | undefined {
  if (text.length > 45) return undefined
  const dotted = /^(.*:)(\d[\d.]*\.[\d.]*)$/.exec(text)
  if (dotted) {
    const tail = parseIpv4(dotted[2] ?? '')
    if (tail === undefined) return undefined
    return parseIpv6(`${dotted[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`)
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = (half: string | undefined): string[] => (half ? half.split(':') : [])
  const left = groups(halves[0])
  const right = groups(halves[1])
  const missing = 8 - left.length - right.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  let value = 0n
  for (const group of [...left, ...Array<string>(missing).fill('0'), ...right]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
    value = (value << 16n) | BigInt(`0x${group}`)
  }
  return value
}

/** `10.0.0.1`, `fd20::1`, `::ffff:192.0.2.1`. */
export function parseAddress(text: string): Address | undefined {
  const family = text.includes(':') ? 6 : 4
  const value = family === 4 ? parseIpv4(text) : parseIpv6(text)
  return value === undefined ? undefined : { family, value }
}

/** `10.20.0.0/16`, `fd20::/64`. Host bits are cleared; compare with `parseAddress` to refuse them. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text)
  const address = match && parseAddress(match[1] ?? '')
  const length = Number(match?.[2])
  if (!address || length > bits(address.family)) return undefined
  return prefixOf(address, length)
}

/** The network of that length which the address is in. */
export function prefixOf(address: Address, length: number): Prefix {
  const host = BigInt(bits(address.family) - length)
  return { family: address.family, base: (address.value >> host) << host, length }
}

/** RFC 5952: lower case, the longest run of zero groups (two at least, the first of equals) as `::`. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) {
    const number = Number(value)
    return `${number >>> 24}.${(number >>> 16) & 0xff}.${(number >>> 8) & 0xff}.${number & 0xff}`
  }
  if (value >> 32n === 0xffffn) return `::ffff:${formatAddress({ family: 4, value: value & 0xffffffffn })}`
  const digits = value.toString(16).padStart(32, '0')
  const groups = Array.from({ length: 8 }, (_, index) => parseInt(digits.slice(4 * index, 4 * index + 4), 16))
  let start = -1
  let length = 1
  for (let at = 0; at < 8; at++) {
    let end = at
    while (end < 8 && groups[end] === 0) end++
    if (end - at > length) [start, length] = [at, end - at]
  }
  const hex = groups.map((group) => group.toString(16))
  return start < 0 ? hex.join(':') : `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

export const formatPrefix = (prefix: Prefix): string =>
  `${formatAddress({ family: prefix.family, value: prefix.base })}/${prefix.length}`

/** `16` -> `255.255.0.0`, as X-CSTP-Netmask and X-CSTP-Split-Include want it. */
export const netmask = (length: number): string =>
  formatAddress({ family: 4, value: length === 0 ? 0n : (0xffffffffn << BigInt(32 - length)) & 0xffffffffn })

/** Number of addresses, network and broadcast included. */
export const prefixSize = (prefix: Prefix): bigint => 1n << BigInt(bits(prefix.family) - prefix.length)

export const contains = (prefix: Prefix, address: Address): boolean =>
  prefix.family === address.family && address.value >= prefix.base && address.value - prefix.base < prefixSize(prefix)

export const overlaps = (a: Prefix, b: Prefix): boolean =>
  a.family === b.family && a.base < b.base + prefixSize(b) && b.base < a.base + prefixSize(a)

/** Counted from the network address (0); undefined outside the prefix. */
export function nthAddress(prefix: Prefix, n: number | bigint): Address | undefined {
  const offset = BigInt(n)
  return offset < 0n || offset >= prefixSize(prefix) ? undefined : { family: prefix.family, value: prefix.base + offset }
}

/** `192.0.2.1:443`, `[2001:db8::1]:443`; the port is 0..65535, 0 lets the kernel choose. */
export function parseEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(0|[1-9]\d{0,4})$/.exec(text)
  const address = match && parseAddress(match[1] ?? match[2] ?? '')
  const port = Number(match?.[3])
  if (!address || port > 65535 || (address.family === 6) !== (match[1] !== undefined)) return undefined
  return { address: formatAddress(address), port }
}

export const formatEndpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** The address in what `formatEndpoint` made. */
export const endpointAddress = (endpoint: string): string => endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')

/** What counts as one source: an IPv4 address, or the /64 of an IPv6 address. */
export function sourceNetwork(address: string): string {
  if (!address.includes(':')) return address
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  const prefix = parseAddress(plain)?.family === 6 ? parsePrefix(`${plain}/64`) : undefined
  return prefix ? formatPrefix(prefix) : plain
}
