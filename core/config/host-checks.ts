import { parseAddress } from '../net/address.ts'
import { nearest } from '../nearest.ts'
import { checkCertificates } from './cross-checks.ts'
import type { GatewayConfig } from './gateway-config.ts'
import type { Path } from './locate.ts'
import { pathText, type Problems } from './problems.ts'
import type { Sound } from './sections.ts'
import { quote } from './written.ts'

/** What no schema of one `[host.NAME]` can see. */
export function checkHosts(config: GatewayConfig, sound: Sound, problems: Problems): void {
  const { gateway, groups, hosts } = config
  const known = sound.has('group') && sound.has('host') && sound.has('gateway')
  if (known && gateway.groups.length === 0) {
    problems.add(['host'], 'host: every group belongs to a host; say with groups in [gateway] which ones the gateway offers under its other names', 'key')
  }
  if (known) checkOffer(['gateway', 'groups'], gateway.groups, groups, problems)
  const taken = new Map([[gateway.name, '[gateway]']])
  for (const host of hosts.values()) {
    const path = ['host', host.name]
    checkCertificates(path, host, problems)
    if (known && host.groups !== gateway.groups) checkOffer([...path, 'groups'], host.groups, groups, problems)
    host.names.forEach((name, index) => {
      const place = [...path, 'names', index]
      if (parseAddress(name)) problems.add(place, `${pathText(place)}: ${quote(name)} is an address: clients send no server name for one`)
      const other = taken.get(name)
      if (other !== undefined) problems.add(place, `${pathText(place)}: the name ${quote(name)} is that of ${other} already`)
      taken.set(name, `[${pathText(path)}]`)
    })
  }
}

function checkOffer(path: Path, names: readonly string[], groups: GatewayConfig['groups'], problems: Problems): void {
  names.forEach((name, index) => {
    const place = [...path, index]
    const guess = nearest(name, groups.keys())
    if (!groups.has(name)) problems.add(place, `${pathText(place)}: there is no group ${quote(name)}${guess === undefined ? '' : `; did you mean "${guess}"?`}`)
    else if (names.indexOf(name) < index) problems.add(place, `${pathText(place)}: ${quote(name)} is there twice`)
  })
}

/** One line for each group that nobody can pick. */
export function offeredNowhere({ gateway, groups, hosts }: GatewayConfig): string[] {
  const offered = new Set([...gateway.groups, ...[...hosts.values()].flatMap((host) => host.groups)])
  return [...groups.keys()].filter((name) => !offered.has(name)).map((name) => `${pathText(['group', name])} is offered nowhere: neither groups in [gateway] nor a host names it`)
}
