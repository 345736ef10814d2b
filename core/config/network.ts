import { formatAddress, formatPrefix, parseAddress, parseEndpoint, parsePrefix, prefixOf } from '../net/address.ts'
import { quote, written, type Read } from './written.ts'

/** Zod schemas of names and addresses; all give the canonical text. */

/** `192.0.2.1` or `2001:db8::1`; of one family where only that is asked for. */
export const ipAddress = (family?: 4 | 6) =>
  written('an address', '10.20.0.1', (text) => {
    const address = parseAddress(text)
    if (address && (family === undefined || family === address.family)) return { value: formatAddress(address) }
    return { refusal: `${quote(text)} is not an ${family === undefined ? 'IPv4 or IPv6' : `IPv${family}`} address` }
  })

/** The same of one family; `""` is none. */
export const fixedAddress = (family: 4 | 6) =>
  written('an address', family === 4 ? '10.20.0.7' : 'fd20::7', (text): Read<string> => {
    const address = parseAddress(text)
    if (text === '' || address?.family === family) return { value: address ? formatAddress(address) : '' }
    return { refusal: `${quote(text)} is not an IPv${family} address` }
  })

/** `10.0.0.0/8` or `fd20::/64`; host bits must be zero. */
export const cidr = (family?: 4 | 6) =>
  written('a network', family === 6 ? 'fd20::/64' : '10.0.0.0/8', (text): Read<string> => {
    const alone = parseAddress(text)
    if (alone) return { refusal: `${quote(text)} has no prefix length: write ${formatPrefix(prefixOf(alone, alone.family === 4 ? 32 : 128))} for the one address` }
    const prefix = parsePrefix(text)
    if (!prefix) return { refusal: `${quote(text)} is not a network such as "${family === 6 ? 'fd20::/64' : '10.0.0.0/8'}"` }
    if (family !== undefined && prefix.family !== family) return { refusal: `${quote(text)} is an IPv${prefix.family} network; an IPv${family} one belongs here` }
    if (parseAddress(text.split('/')[0] ?? '')?.value !== prefix.base) return { refusal: `${quote(text)} has host bits set: write "${formatPrefix(prefix)}"` }
    return { value: formatPrefix(prefix) }
  })

/** `0.0.0.0:443` or `[::]:443`; port 0 lets the kernel choose. */
export const listenAddress = () =>
  written('an address and port', '0.0.0.0:443', (text) => {
    const endpoint = parseEndpoint(text)
    return endpoint ? { value: endpoint } : { refusal: `${quote(text)} is not an address and port such as "0.0.0.0:443" or "[::]:443"` }
  })

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** Lower case, without a trailing dot; undefined when it is not a name of the DNS. */
export function canonicalName(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '')
  return name.length <= 253 && name.split('.').every((label) => LABEL.test(label)) ? name : undefined
}

const named = (text: string, name: string | undefined): Read<string> =>
  name === undefined ? { refusal: `${quote(text)} is not a domain name` } : { value: name }

/** `corp.example`; `""` only where `optional`. */
export const domainName = (options: { readonly empty?: boolean; readonly wildcard?: boolean } = {}) =>
  written('a domain name', 'corp.example', (text) => {
    if (text === '' && options.empty) return { value: '' }
    const wild = options.wildcard && text.startsWith('*.')
    const name = canonicalName(wild ? text.slice(2) : text)
    return named(text, name !== undefined && wild ? `*.${name}` : name)
  })

/** The gateway's public name: a domain name or an address. */
export const publicName = () =>
  written('a name', 'vpn.example.com', (text) => {
    const address = parseAddress(text)
    return address ? { value: formatAddress(address) } : named(text, canonicalName(text))
  })
