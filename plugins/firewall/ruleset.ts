export interface Ruleset {
  /** Name of the TUN device. */
  readonly device: string
  readonly masquerade: boolean
  /** Prefixes of the pools, CIDR. */
  readonly ipv4: readonly string[]
  readonly ipv6: readonly string[]
  /** Clients may reach each other through the gateway. */
  readonly clientToClient: boolean
}

/** A table belongs to one device, so that two gateways on a machine do not undo each other. */
const PREFIX = 'postern_'
export const tableOf = (device: string): string => PREFIX + device
export const deviceOf = (table: string): string | undefined => (table.startsWith(PREFIX) ? table.slice(PREFIX.length) : undefined)

/** What can be a device in the name of a table and between quotes. IFNAMSIZ is 16 with the final zero. */
const DEVICE = /^[A-Za-z0-9_.-]{1,15}$/
const ADDRESS = /^[0-9a-fA-F.:]+\/\d{1,3}$/

/** One script for `nft -f -`: the kernel applies all of it or nothing, whatever stood there before. */
export function rulesetScript(rules: Ruleset): string {
  checkDevice(rules.device)
  for (const prefix of [...rules.ipv4, ...rules.ipv6]) if (!ADDRESS.test(prefix)) throw new Error(`not a prefix: ${prefix}`)
  const device = `"${rules.device}"`
  const masquerade = rules.masquerade
    ? [...rules.ipv4.map((prefix) => `ip saddr ${prefix}`), ...rules.ipv6.map((prefix) => `ip6 saddr ${prefix}`)].map((source) => `${source} oifname != ${device} masquerade`)
    : []
  const lines = [
    ...removal(rules.device),
    `table inet ${tableOf(rules.device)} {`,
    '  chain forward {',
    '    type filter hook forward priority mangle; policy accept;',
    ...(rules.clientToClient ? [] : [`    iifname ${device} oifname ${device} drop`]),
    // `rt mtu` only ever lowers a segment size; "out" is the client's tunnel, "in" the way on from here.
    `    oifname ${device} tcp flags syn tcp option maxseg size set rt mtu`,
    `    iifname ${device} tcp flags syn tcp option maxseg size set rt mtu`,
    '  }',
    ...(masquerade.length === 0 ? [] : ['  chain postrouting {', '    type nat hook postrouting priority srcnat; policy accept;', ...masquerade.map((rule) => `    ${rule}`), '  }']),
    '}',
  ]
  return lines.join('\n') + '\n'
}

/** Removes the table of a device; no error when there is none. */
export function removalScript(device: string): string {
  checkDevice(device)
  return removal(device).join('\n') + '\n'
}

// `add` before `delete`: nft 1.0.6 (Debian 12) has no `destroy`.
const removal = (device: string): string[] => [`add table inet ${tableOf(device)}`, `delete table inet ${tableOf(device)}`]

function checkDevice(device: string): void {
  if (!DEVICE.test(device)) throw new Error(`the device name ${JSON.stringify(device)} cannot name a firewall table`)
}
