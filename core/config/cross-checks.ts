import { contains, overlaps, parseAddress, parsePrefix, type Prefix } from '../net/address.ts'
import { POLICY_KEYS } from '../policy/keys.ts'
import type { PolicyValues } from '../policy/policy.ts'
import type { GatewayConfig, HostConfig, PoolConfig } from './gateway-config.ts'
import type { Path } from './locate.ts'
import { layerProblems } from './policy-checks.ts'
import { pathText, type Problems } from './problems.ts'
import type { Sound } from './sections.ts'
import { quote } from './written.ts'

/** What no schema of one section can see. */
export function crossCheck(config: GatewayConfig, sound: Sound, problems: Problems): void {
  if (sound.has('gateway')) checkGateway(config, problems)
  checkPools(config, problems)
  if (!sound.has('pool') || !sound.has('policy')) return
  checkPolicy(['policy'], config.policy, config, {}, problems)
  for (const group of config.groups.values()) checkPolicy(['group', group.name, 'policy'], group.policy, config, config.policy, problems)
  for (const host of config.hosts.values()) checkPolicy(['host', host.name, 'policy'], host.policy, config, config.policy, problems)
}

/** The files of `[gateway]` or of a host. */
export function checkCertificates(path: Path, { certificates, keys }: Pick<HostConfig, 'certificates' | 'keys'>, problems: Problems): void {
  if (certificates.length === keys.length) return
  const count = (what: string, files: readonly string[]) => `${files.length} ${what}${files.length === 1 ? '' : 's'}`
  problems.add([...path, keys.length > 0 ? 'key' : 'certificate'], `${pathText(path)}: ${count('certificate', certificates)} and ${count('key', keys)}; each certificate needs its key, in the same order`)
}

function checkGateway({ gateway, pools }: GatewayConfig, problems: Problems): void {
  const { listen } = gateway
  checkCertificates(['gateway'], gateway, problems)
  const seen = new Set<string>()
  listen.forEach(({ address, port }, index) => {
    const path = ['gateway', 'listen', index]
    const text = `${address} ${port}`
    if (port !== 0 && seen.has(text)) problems.add(path, `${pathText(path)}: the same address is given twice`)
    seen.add(text)
    const listening = parseAddress(address)
    const pool = [...pools.values()].find((pool) => networks(pool).some(({ prefix }) => listening && contains(prefix, listening)))
    if (pool) problems.add(path, `${pathText(path)}: the address lies in pool ${quote(pool.name)}`)
  })
}

const RANGES = { ipv4: { shortest: 8, longest: 30 }, ipv6: { shortest: 48, longest: 126 } } as const
const UNUSABLE = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3', '::/8', 'fe80::/10', 'ff00::/8'].map((text) => parsePrefix(text) as Prefix)

function networks(pool: PoolConfig): { readonly key: 'ipv4' | 'ipv6'; readonly prefix: Prefix }[] {
  return (['ipv4', 'ipv6'] as const).flatMap((key) => {
    const prefix = parsePrefix(pool[key] ?? '')
    return prefix ? [{ key, prefix }] : []
  })
}

function checkPools({ pools }: GatewayConfig, problems: Problems): void {
  const before: { readonly name: string; readonly prefix: Prefix }[] = []
  for (const pool of pools.values()) {
    const own = networks(pool)
    if (own.length === 0) problems.add(['pool', pool.name], `${pathText(['pool', pool.name])}: needs ipv4, ipv6 or both`, 'key')
    for (const { key, prefix } of own) {
      const path = ['pool', pool.name, key]
      const { shortest, longest } = RANGES[key]
      if (prefix.length < shortest || prefix.length > longest) problems.add(path, `${pathText(path)}: the prefix length must be between /${shortest} and /${longest}, not /${prefix.length}`)
      if (UNUSABLE.some((range) => overlaps(range, prefix))) problems.add(path, `${pathText(path)}: ${pool[key]} holds addresses that no client can use`)
      const other = before.find((entry) => overlaps(entry.prefix, prefix))
      if (other) problems.add(path, `${pathText(path)}: ${pool[key]} overlaps pool ${quote(other.name)}`)
      before.push({ name: pool.name, prefix })
    }
  }
}

function checkPolicy(path: Path, own: PolicyValues, config: GatewayConfig, below: PolicyValues, problems: Problems): void {
  for (const { key, at: entry, text } of layerProblems(own, { below, ofUser: false, lowest: path[0] === 'policy' }, config)) {
    const at = [...path, POLICY_KEYS[key].key, ...(entry ?? [])]
    problems.add(at, `${pathText(at)}: ${text}`)
  }
}
