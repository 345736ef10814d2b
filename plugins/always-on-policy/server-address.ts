import { z } from 'zod'
import { formatAddress, parseAddress } from '../../core/api.ts'

/** Where a client dials: a name or an address, with a port where it is not 443. */
export interface ServerAddress {
  /** Lower case, no brackets. */
  readonly host: string
  /** As clients read it. */
  readonly text: string
}

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/
const WITH_PORT = /^(?<host>\[[0-9A-Fa-f:.]+\]|[^:]+):(?<port>\d{1,5})$/

/** undefined when `text` is none. */
export function readServerAddress(text: string): ServerAddress | undefined {
  const split = WITH_PORT.exec(text)?.groups
  const bare = (split?.['host'] ?? text).replace(/^\[|\]$/g, '')
  const port = split === undefined ? 443 : Number(split['port'])
  const address = parseAddress(bare)
  const host = address ? formatAddress(address) : bare.toLowerCase().replace(/\.$/, '')
  if (port < 1 || port > 65535 || (!address && (!NAME.test(host) || /^[\d.]+$/.test(host)))) return undefined
  return { host, text: port === 443 ? host : `${host.includes(':') ? `[${host}]` : host}:${port}` }
}

/** `vpn.example.com`, `vpn.example.com:4443`, `192.0.2.1`, `[2001:db8::1]:4443`. */
export const serverAddress = () =>
  z.string().transform((text, context): ServerAddress => {
    const address = readServerAddress(text)
    if (address) return address
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text.slice(0, 80))} is not a server such as "vpn.example.com" or "vpn.example.com:4443"` })
    return z.NEVER
  })
