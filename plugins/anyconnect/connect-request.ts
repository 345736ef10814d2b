import type { ConnectionInfo, ConnectRequest } from '../../core/api.ts'
import { readCookies } from './cookies.ts'
import { clientFamily, printable, type ClientFamily } from './user-agent.ts'

/** A CONNECT as a value (reference/protocol section 7.1). */
export interface TunnelRequest extends ConnectRequest {
  readonly cookie: string | undefined
  readonly family: ClientFamily
  readonly wants: { readonly ipv4: boolean; readonly ipv6: boolean }
  readonly baseMtu: string | undefined
  readonly mtu: string | undefined
  readonly outer: 4 | 6
}

/** Accepted spellings of the tunnel's path; a query does not matter. One client leaves out the slash. */
const TUNNEL_PATHS: ReadonlySet<string> = new Set(['/CSCOSSLC/tunnel', 'CSCOSSLC/tunnel', '/tunnel'])
export const isTunnelPath = (target: string): boolean => TUNNEL_PATHS.has(target.split('?', 1)[0] ?? '')

/** `headers` by name in lower case. */
export function readConnectRequest(headers: ConnectRequest['headers'], connection: ConnectionInfo): TunnelRequest {
  const first = (name: string): string | undefined => headers.get(name)?.[0]?.trim()
  const family = clientFamily(printable(first('user-agent') ?? ''), first('x-anyconnect-identifier-platform'))
  const types = (first('x-cstp-address-type') ?? 'IPv4').split(',').map((type) => type.trim().toLowerCase())
  const outer = connection.peer.address.includes(':') && !/^::ffff:\d/i.test(connection.peer.address) ? 6 : 4
  return {
    headers,
    connection,
    cookie: readCookies(headers.get('cookie')?.join('; ')).get('webvpn'),
    family: { ...family, mobile: family.mobile || first('x-cstp-license') === 'mobile' },
    wants: { ipv4: types.includes('ipv4'), ipv6: types.includes('ipv6') && first('x-cstp-full-ipv6-capability')?.toLowerCase() === 'true' },
    baseMtu: first('x-cstp-base-mtu'),
    mtu: first('x-cstp-mtu'),
    outer,
  }
}
