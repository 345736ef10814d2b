import { formatAddress, formatPrefix, parseAddress, parsePrefix, prefixOf, type Address } from '../../core/api.ts'
import { DICTIONARY, type AttributeDefinition, type AttributeName, type KindOf, type ValueKind } from './dictionary.ts'
import type { Attribute } from './packet.ts'

/** `text`: UTF-8. `date`: seconds since 1970. Addresses and prefixes in canonical text. */
export interface ValueTypes {
  readonly text: string
  readonly octets: Buffer
  readonly integer: number
  readonly date: number
  readonly ipv4: string
  readonly ipv6: string
  readonly prefix: string
}
export type ValueOf<N extends AttributeName> = ValueTypes[KindOf<N>]

const VENDOR_SPECIFIC = 26
const MAX_VALUE = 253

/** One attribute of any vendor, its value still as sent. `vendor` 0: none. */
export interface Found {
  readonly vendor: number
  readonly type: number
  readonly value: Buffer
}

/** Attributes in the order of the packet, those of vendors (RFC 2865 section 5.26) taken out of theirs; one that is not well-formed inside is left out. */
export function flatten(attributes: readonly Attribute[]): readonly Found[] {
  return attributes.flatMap(({ type, value }): readonly Found[] => (type === VENDOR_SPECIFIC ? inVendor(value) : [{ vendor: 0, type, value }]))
}

function inVendor(value: Buffer): readonly Found[] {
  if (value.length < 6 || value.readUInt8(0) !== 0) return []
  const vendor = value.readUInt32BE(0)
  const found: Found[] = []
  for (let at = 4; at < value.length;) {
    const size = at + 1 < value.length ? value.readUInt8(at + 1) : 0
    if (size < 2 || at + size > value.length) return []
    found.push({ vendor, type: value.readUInt8(at), value: value.subarray(at + 2, at + size) })
    at += size
  }
  return found
}

const NAMES = new Map(Object.entries(DICTIONARY as Readonly<Record<string, AttributeDefinition>>).map(([name, { vendor = 0, type }]) => [`${vendor}/${type}`, name as AttributeName]))
/** What dictionaries call it; undefined: not known here. */
export const nameOf = ({ vendor, type }: Pick<Found, 'vendor' | 'type'>): AttributeName | undefined => NAMES.get(`${vendor}/${type}`)

/** An attribute for a packet. Throws RangeError for a value that does not fit. */
export function attribute<N extends AttributeName>(name: N, value: ValueOf<N>): Attribute {
  const { vendor, type, kind }: AttributeDefinition = DICTIONARY[name]
  const bytes = encodeValue(kind, value)
  if (bytes.length > MAX_VALUE - (vendor === undefined ? 0 : 6)) throw new RangeError(`${name} of ${bytes.length} bytes`)
  if (vendor === undefined) return { type, value: bytes }
  const head = Buffer.alloc(6)
  head.writeUInt32BE(vendor)
  head.set([type, bytes.length + 2], 4)
  return { type: VENDOR_SPECIFIC, value: Buffer.concat([head, bytes]) }
}

/** Every value of an attribute that is well-formed, in order. */
export function valuesOf<N extends AttributeName>(found: readonly Found[], name: N): readonly ValueOf<N>[] {
  const { vendor = 0, type, kind }: AttributeDefinition = DICTIONARY[name]
  return found.flatMap((one) => {
    if (one.vendor !== vendor || one.type !== type) return []
    const value = decodeValue(kind, one.value)
    return value === undefined ? [] : [value as ValueOf<N>]
  })
}
/** The first well-formed one. */
export const valueOf = <N extends AttributeName>(found: readonly Found[], name: N): ValueOf<N> | undefined => valuesOf(found, name)[0]

/** The value of one attribute; undefined when its bytes are none of that kind. */
export function decodeValue<K extends ValueKind>(kind: K, bytes: Buffer): ValueTypes[K] | undefined
export function decodeValue(kind: ValueKind, bytes: Buffer): string | number | Buffer | undefined {
  switch (kind) {
    case 'text': return decodeUtf8(bytes)
    case 'octets': return bytes
    case 'integer':
    case 'date': return bytes.length === 4 ? bytes.readUInt32BE() : undefined
    case 'ipv4': return bytes.length === 4 ? formatAddress({ family: 4, value: BigInt(bytes.readUInt32BE()) }) : undefined
    case 'ipv6': return bytes.length === 16 ? formatAddress({ family: 6, value: toBigInt(bytes) }) : undefined
    case 'prefix': return decodePrefix(bytes)
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Some servers end texts with a zero byte. */
function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return UTF8.decode(bytes).replace(/\0+$/, '')
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Reserved byte, length, and as many bytes as the server likes, at most 16; bits behind the length are cleared. */
function decodePrefix(bytes: Buffer): string | undefined {
  if (bytes.length < 2 || bytes.length > 18) return undefined
  const length = bytes.readUInt8(1)
  if (length > 128 || (bytes.length - 2) * 8 < length) return undefined
  const address = Buffer.alloc(16)
  address.set(bytes.subarray(2))
  return formatPrefix(prefixOf({ family: 6, value: toBigInt(address) }, length))
}

function encodeValue(kind: ValueKind, value: string | number | Buffer): Buffer {
  if (kind === 'text' && typeof value === 'string') return Buffer.from(value)
  if (kind === 'octets' && typeof value === 'object') return value
  if ((kind === 'integer' || kind === 'date') && typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  if (typeof value === 'string') {
    const address = kind === 'prefix' ? undefined : parseAddress(value)
    if (address?.family === (kind === 'ipv4' ? 4 : 6)) return fromAddress(address)
    const prefix = kind === 'prefix' ? parsePrefix(value) : undefined
    if (prefix?.family === 6) return Buffer.concat([Buffer.from([0, prefix.length]), fromAddress({ family: 6, value: prefix.base })])
  }
  throw new RangeError(`a value that is no ${kind}`)
}

const toBigInt = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`)
const fromAddress = ({ family, value }: Address): Buffer => Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex')
