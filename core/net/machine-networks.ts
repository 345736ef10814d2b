import { networkInterfaces } from 'node:os'
import { parsePrefix, type Prefix } from './address.ts'

/** Networks that this machine is in, without loopback and link-local ones. */
export function machineNetworks(): readonly Prefix[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ internal, cidr, scopeid }) => (internal || scopeid ? [] : (parsePrefix(cidr ?? '') ?? []))))
}
