import { formatPrefix, overlaps, parseAddress, contains, parsePrefix, type Prefix } from '../../core/api.ts'
import type { Entry } from './conf-text.ts'
import type { Findings } from './finding.ts'
import { lastOf, type Values } from './part.ts'
import type { Table } from './setting.ts'
import { networkIn } from './values.ts'

interface Networks {
  readonly ipv4: Prefix | undefined
  readonly ipv6: Prefix | undefined
}
const SHORTEST = { 4: 8, 6: 48 } as const
const LONGEST = { 4: 30, 6: 126 } as const

/** The pools of the file: the one of everybody and those of groups and users with networks of their own. */
export class Pools {
  readonly tables = new Map<string, Table>()
  private readonly known = new Map<string, Networks>()

  constructor(private readonly findings: Findings) {}

  /** Name of the pool with the networks that `values` name; undefined: they name none, or none that will do. */
  add(wish: string, values: Values): string | undefined {
    const networks: Networks = { ipv4: this.ipv4(values), ipv6: this.ipv6(values) }
    const own = [networks.ipv4, networks.ipv6].filter((prefix) => prefix !== undefined)
    if (own.length === 0) return undefined
    const same = [...this.known].find(([, other]) => text(other.ipv4) === text(networks.ipv4) && text(other.ipv6) === text(networks.ipv6))
    const entry = (lastOf(values, networks.ipv4 ? 'ipv4-network' : 'ipv6-network') as Entry)
    if (same) {
      this.findings.add('mapped', entry, `the addresses come from pool.${same[0]}`)
      return same[0]
    }
    for (const [other, theirs] of this.known) {
      const clash = own.find((prefix) => [theirs.ipv4, theirs.ipv6].some((their) => their && overlaps(their, prefix)))
      if (!clash) continue
      this.findings.add('refused', entry, `${formatPrefix(clash)} overlaps pool "${other}": pools share no address; the addresses come from there`)
      return undefined
    }
    let name = wish
    for (let other = 2; this.known.has(name); other++) name = `${wish}-${other}`
    this.known.set(name, networks)
    this.tables.set(name, new Map([...(networks.ipv4 ? [['ipv4', formatPrefix(networks.ipv4)] as const] : []), ...(networks.ipv6 ? [['ipv6', formatPrefix(networks.ipv6)] as const] : [])]))
    this.findings.add('mapped', entry, `pool.${name} = ${own.map(formatPrefix).join(', ')}; its first address is the gateway's`)
    return name
  }

  has(name: string, address: string): boolean {
    const [parsed, networks] = [parseAddress(address), this.known.get(name)]
    return parsed !== undefined && [networks?.ipv4, networks?.ipv6].some((prefix) => prefix && contains(prefix, parsed))
  }

  hasIpv6(name: string): boolean {
    return this.known.get(name)?.ipv6 !== undefined
  }

  private ipv4(values: Values): Prefix | undefined {
    const entry = lastOf(values, 'ipv4-network')
    if (!entry) return undefined
    const mask = lastOf(values, 'ipv4-netmask')?.value
    return this.network(entry, 4, networkIn(entry.value.includes('/') ? entry.value : `${entry.value}/${mask ?? ''}`))
  }

  private ipv6(values: Values): Prefix | undefined {
    const entry = lastOf(values, 'ipv6-network')
    if (!entry) return undefined
    const [address = '', length] = entry.value.split('/')
    const prefix = this.network(entry, 6, parsePrefix(`${address}/${length ?? lastOf(values, 'ipv6-prefix')?.value ?? '64'}`))
    const handed = lastOf(values, 'ipv6-subnet-prefix')
    if (handed && handed.value !== '128') this.findings.add('explained', handed, `each client gets one address, not a /${handed.value.slice(0, 3)}; a network behind a client is its iroute`)
    else if (handed) this.findings.add('mapped', handed, 'each client gets one address')
    return prefix
  }

  private network(entry: Entry, family: 4 | 6, prefix: Prefix | undefined): Prefix | undefined {
    if (prefix?.family === family && prefix.length >= SHORTEST[family] && prefix.length <= LONGEST[family]) return prefix
    this.findings.add('refused', entry, prefix ? `a pool of IPv${family} is between /${SHORTEST[family]} and /${LONGEST[family]}` : 'is not a network with its length')
    return undefined
  }
}

const text = (prefix: Prefix | undefined): string => (prefix ? formatPrefix(prefix) : '')
