import { BlockList } from 'node:net'
import type { TunnelSpec } from '../core/dataplane.ts'

/** Length of the longest network behind the client that holds the address; undefined: none does. */
export function lengthBehind({ networks = [] }: TunnelSpec, address: string): number | undefined {
  const family = address.includes(':') ? 'ipv6' : 'ipv4'
  const lengths = networks.filter((network) => network.includes(':') === address.includes(':')).flatMap((network) => {
    const [base = '', length] = network.split('/')
    const list = new BlockList()
    list.addSubnet(base, Number(length), family)
    return list.check(address, family) ? [Number(length)] : []
  })
  return lengths.length === 0 ? undefined : Math.max(...lengths)
}

/** Whose network holds the address: the longest, of equals the newest. */
export function nearest<T extends { readonly spec: TunnelSpec }>(tunnels: Iterable<T>, address: string): T | undefined {
  let found: { readonly tunnel: T; readonly length: number } | undefined
  for (const tunnel of tunnels) {
    const length = lengthBehind(tunnel.spec, address)
    if (length !== undefined && length >= (found?.length ?? 0)) found = { tunnel, length }
  }
  return found?.tunnel
}
