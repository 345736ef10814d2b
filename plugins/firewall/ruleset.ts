import { ADDRESS_SETS, isMap, NETWORK_SETS, type SetName } from './members.ts'
import { flatten } from './networks.ts'
import type { Roll, RollChange } from './roster.ts'
import { chainLines } from './rule-chain.ts'

export interface Ruleset {
  /** Name of the TUN device. */
  readonly device: string
  /** Prefixes, CIDR, of the pools that are masqueraded. */
  readonly ipv4: readonly string[]
  readonly ipv6: readonly string[]
}

/** A table belongs to one device, so that two gateways on a machine do not undo each other. */
const PREFIX = 'postern_'
export const tableOf = (device: string): string => PREFIX + device
export const deviceOf = (table: string): string | undefined => (table.startsWith(PREFIX) ? table.slice(PREFIX.length) : undefined)

/** What can be a device in the name of a table and between quotes. IFNAMSIZ is 16 with the final zero. */
const DEVICE = /^[A-Za-z0-9_.-]{1,15}$/
const ADDRESS = /^[0-9a-fA-F.:]+\/\d{1,3}$/

/** Parts of the table that are there only while somebody needs them. */
export interface Shape {
  readonly judges: boolean
  readonly peers: boolean
}
export const shapeOf = ({ chains, elements }: Roll): Shape => ({ judges: chains.size > 0, peers: [...elements.keys()].some((set) => !isMap(set)) })

/** The change fits a table of that shape. */
export const fits = ({ added, replaced }: RollChange, shape: Shape): boolean =>
  [...added.map(({ set }) => set), ...[...replaced].filter(([, elements]) => elements.size > 0).map(([set]) => set)].every((set) => (isMap(set) ? shape.judges : shape.peers))

/** One script for `nft -f -`: the kernel applies all of it or nothing, whatever stood there before. */
export function rulesetScript(rules: Ruleset, roll: Roll): string {
  const { device: name, ipv4, ipv6 } = rules
  checkDevice(name)
  for (const prefix of [...ipv4, ...ipv6]) if (!ADDRESS.test(prefix)) throw new Error(`not a prefix: ${prefix}`)
  const device = `"${name}"`
  const { judges, peers } = shapeOf(roll)
  const masquerade = [...ipv4.map((prefix) => `ip saddr ${prefix}`), ...ipv6.map((prefix) => `ip6 saddr ${prefix}`)].map((source) => `${source} oifname != ${device} masquerade`)
  const sets = [...ADDRESS_SETS, ...NETWORK_SETS].filter((set) => (isMap(set) ? judges : peers))
  const lines = [
    ...removal(name),
    `table inet ${tableOf(name)} {`,
    ...[...roll.chains.values()].flatMap(chainLines),
    ...sets.flatMap((set) => setLines(set, roll.elements.get(set) ?? new Map())),
    ...(judges ? JUDGE : []),
    ...(peers ? APART : []),
    ...(judges ? ['  chain input {', '    type filter hook input priority mangle; policy accept;', `    iifname ${device} jump judge`, '  }'] : []),
    '  chain forward {',
    '    type filter hook forward priority mangle; policy accept;',
    `    iifname ${device} oifname ${device} ${peers ? 'jump apart' : 'drop'}`,
    ...(judges ? [`    iifname ${device} jump judge`] : []),
    // The data plane fits segments to the tunnel; `rt mtu`, which only ever lowers, is the way on from here.
    `    iifname ${device} tcp flags syn tcp option maxseg size set rt mtu`,
    '  }',
    ...(masquerade.length === 0 ? [] : ['  chain postrouting {', '    type nat hook postrouting priority srcnat; policy accept;', ...masquerade.map((rule) => `    ${rule}`), '  }']),
    '}',
  ]
  return lines.join('\n') + '\n'
}

/** Sessions that came, went or changed: elements alone, and the chains that are new or that nobody needs any more. */
export function changeScript(device: string, change: RollChange): string {
  checkDevice(device)
  const table = `inet ${tableOf(device)}`
  const bySet = <M extends { readonly set: SetName }>(members: readonly M[], text: (member: M) => string): [SetName, string][] => {
    const sets = new Map<SetName, string[]>()
    for (const member of members) sets.set(member.set, [...(sets.get(member.set) ?? []), text(member)])
    return [...sets].map(([set, elements]) => [set, `{ ${elements.join(', ')} }`])
  }
  const lines = [
    ...(change.newChains.length === 0 ? [] : [`table ${table} {`, ...change.newChains.flatMap(chainLines), '}']),
    ...bySet(change.removed, ({ element }) => element).map(([set, elements]) => `delete element ${table} ${set} ${elements}`),
    ...bySet(change.added, ({ set, element, chain }) => elementLine(set, element, chain)).map(([set, elements]) => `add element ${table} ${set} ${elements}`),
    ...[...change.replaced].flatMap(([set, elements]) => [
      `flush ${isMap(set) ? 'map' : 'set'} ${table} ${set}`,
      ...(elements.size === 0 ? [] : [`add element ${table} ${set} { ${flatten(elements).map(([range, chain]) => elementLine(set, range, chain)).join(', ')} }`]),
    ]),
    ...change.oldChains.flatMap((chain) => [`flush chain ${table} ${chain}`, `delete chain ${table} ${chain}`]),
  ]
  return lines.join('\n') + '\n'
}

/** Removes the table of a device; no error when there is none. */
export function removalScript(device: string): string {
  checkDevice(device)
  return removal(device).join('\n') + '\n'
}

const bothWays = (end: 'saddr' | 'daddr', verdict: string): string[] =>
  ['peers4', 'peer_networks4', 'peers6', 'peer_networks6'].map((set) => `    ${set.endsWith('4') ? 'ip' : 'ip6'} ${end} @${set} ${verdict}`)
const JUDGE = ['  chain judge {', ...['clients4', 'clients6', 'networks4', 'networks6'].map((map) => `    ${map.endsWith('4') ? 'ip' : 'ip6'} saddr vmap @${map}`), '  }']
const APART = ['  chain to_peer {', ...bothWays('daddr', 'return'), '    drop', '  }', '  chain apart {', ...bothWays('saddr', 'goto to_peer'), '    drop', '  }']

const elementLine = (set: SetName, element: string, chain: string): string => (isMap(set) ? `${element} : jump ${chain}` : element)

function setLines(set: SetName, elements: ReadonlyMap<string, string>): string[] {
  const type = set.endsWith('4') ? 'ipv4_addr' : 'ipv6_addr'
  const networks = (NETWORK_SETS as readonly string[]).includes(set)
  const members: Iterable<readonly [string, string]> = networks ? flatten(elements) : elements
  const texts = [...members].map(([element, chain]) => elementLine(set, element, chain))
  return [
    `  ${isMap(set) ? 'map' : 'set'} ${set} {`,
    `    type ${type}${isMap(set) ? ' : verdict' : ''}`,
    ...(networks ? ['    flags interval'] : []),
    ...(texts.length === 0 ? [] : [`    elements = { ${texts.join(', ')} }`]),
    '  }',
  ]
}

// `add` before `delete`: nft 1.0.6 (Debian 12) has no `destroy`.
const removal = (device: string): string[] => [`add table inet ${tableOf(device)}`, `delete table inet ${tableOf(device)}`]

function checkDevice(device: string): void {
  if (!DEVICE.test(device)) throw new Error(`the device name ${JSON.stringify(device)} cannot name a firewall table`)
}
