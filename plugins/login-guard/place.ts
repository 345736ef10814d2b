import { contains, formatPrefix, parseAddress, prefixOf, sourceNetwork, type Address, type Prefix } from '../../core/api.ts'

const SITE_BITS = 48

/** Where an attempt comes from. */
export interface Place {
  readonly address: Address
  /** What counts as one source: the IPv4 address, or the /64 of an IPv6 address. */
  readonly network: string
  /** The /48 around an IPv6 address: what one customer of a provider may have. */
  readonly site: string | undefined
}

/** Undefined for what is no address. IPv4 within IPv6 is IPv4. */
export function placeOf(peer: string): Place | undefined {
  const address = parseAddress(peer.replace(/^::ffff:(?=\d+\.)/i, ''))
  if (!address) return undefined
  return { address, network: sourceNetwork(peer), site: address.family === 6 ? formatPrefix(prefixOf(address, SITE_BITS)) : undefined }
}

export const within = (networks: readonly Prefix[], { address }: Place): boolean => networks.some((network) => contains(network, address))

/** Names that differ in case or blanks around them are one. */
export const accountOf = (user: string | undefined): string => (user ?? '').trim().slice(0, 128).toLowerCase()
export const pairOf = (account: string, network: string): string => `${network} ${account}`
