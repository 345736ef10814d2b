import { formatPrefix, netmask, parsePrefix } from '../../core/api.ts'

/** A network in the spelling of the CONNECT headers: IPv4 `10.1.0.0/255.255.0.0`, IPv6 `fd00::/8`. */
export interface SplitNetwork {
  readonly family: 4 | 6
  readonly text: string
}

/** `cidr` has been checked by the configuration; anything else is left out with undefined. */
export function splitNetwork(cidr: string): SplitNetwork | undefined {
  const prefix = parsePrefix(cidr)
  if (!prefix) return undefined
  const text = formatPrefix(prefix)
  return { family: prefix.family, text: prefix.family === 6 ? text : `${text.split('/')[0]}/${netmask(prefix.length)}` }
}

/** The network that a leased address lies in. */
export const networkOfLease = (lease: { readonly address: string; readonly prefix: number }): SplitNetwork | undefined =>
  splitNetwork(`${lease.address}/${lease.prefix}`)

/** The largest of what each network holds, the first of equals. */
export function mostCrowded<T extends { readonly size: number }>(networks: Iterable<T>): T | undefined {
  let crowd: T | undefined
  for (const one of networks) if (one.size > (crowd?.size ?? 0)) crowd = one
  return crowd
}
