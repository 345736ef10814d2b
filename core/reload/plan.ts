import { RESTART_KEYS } from '../config/live-config.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { LoadedConfig } from '../config/load.ts'
import { sameValue } from '../config/same-value.ts'
import { POLICY_KEYS, POLICY_PROPERTIES } from '../policy/keys.ts'
import type { PolicyKey, PolicyListKey, PolicyValues } from '../policy/policy.ts'
import { TAKES_EFFECT } from '../policy/takes-effect.ts'
import { SESSION_ENDS } from '../session/end-reasons.ts'
import type { EndCause } from '../session/session.ts'

/** One line of what a reload does. `restart`: it waits for one; `live`: in force at once; `reconnect`: with the client's next CONNECT; `cut`: sessions end. */
export interface PlanEntry {
  readonly kind: 'restart' | 'live' | 'reconnect' | 'cut'
  readonly what: string
  /** How many it is about. */
  readonly sessions?: number
}

/** What the new configuration means for one session. */
export interface SessionEffect {
  readonly changed: readonly PolicyKey[]
  /** Keys for which its client has to come again. */
  readonly owed: readonly PolicyKey[]
  readonly cut?: EndCause | undefined
}
export interface PlanInput {
  /** In force, and to come. */
  readonly old: LoadedConfig
  readonly next: LoadedConfig
  /** Running plugins by name: takes another section over while it runs. */
  readonly plugins: ReadonlyMap<string, boolean>
  /** Certificates differ, in their names or in their files. */
  readonly certificates: boolean
  readonly sessions: readonly SessionEffect[]
  /** What clients are told of a plugin's section with CONNECT and differs. */
  told?(plugin: string, before: unknown, after: unknown): string | undefined
  /** Bytes: of the device as it is, and what the largest policy wants. */
  readonly mtu?: { readonly device: number; readonly largest: number } | undefined
}

/** Names of `[gateway]` as the file has them. */
const GATEWAY_NAMES: Readonly<Record<keyof GatewayConfig['gateway'], string>> = {
  name: 'name', listen: 'listen', certificates: 'certificate', keys: 'key', workers: 'workers', device: 'device', proxyProtocolFrom: 'proxy-protocol-from',
  maxSessions: 'max-sessions', fips: 'fips', groups: 'groups',
}

/** What a reload would do, in the order in which an administrator wants to know: a pure function. */
export function planReload(input: PlanInput): readonly PlanEntry[] {
  const { old, next, plugins, sessions } = input
  const entries: PlanEntry[] = []
  const gateway = Object.keys(GATEWAY_NAMES) as (keyof GatewayConfig['gateway'])[]
  for (const key of gateway) {
    if (key === 'certificates' || key === 'keys' || sameValue(old.core.gateway[key], next.core.gateway[key])) continue
    entries.push({ kind: RESTART_KEYS.includes(key) ? 'restart' : 'live', what: `gateway.${GATEWAY_NAMES[key]}` })
  }
  if (input.certificates) entries.push({ kind: 'live', what: 'certificates' })
  for (const [name, takes] of plugins) {
    const [before, after] = [old.plugin(name), next.plugin(name)]
    if (before.state !== after.state) entries.push({ kind: 'restart', what: `[${name}] ${after.state}` })
    else if (!sameValue(before.value, after.value)) {
      entries.push({ kind: takes ? 'live' : 'restart', what: `[${name}]` })
      const told = takes ? input.told?.(name, before.value, after.value) : undefined
      if (told !== undefined) entries.push({ kind: 'reconnect', what: `[${name}] ${told}` })
    }
  }
  if (input.mtu && input.mtu.largest > input.mtu.device) entries.push({ kind: 'restart', what: `policy.mtu above ${input.mtu.device}, the MTU of the device` })
  const live = [
    ...changedNames('pool', old.core.pools, next.core.pools), ...changedPolicy(old.core.policy, next.core.policy),
    ...changedNames('group', old.core.groups, next.core.groups), ...changedNames('host', old.core.hosts, next.core.hosts),
  ]
  entries.push(...live.map((what): PlanEntry => ({ kind: 'live', what })))
  const order = ['restart', 'live', 'reconnect', 'cut']
  return [...entries, ...sessionEntries(sessions)].sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind))
}

function changedNames(section: string, old: ReadonlyMap<string, unknown>, next: ReadonlyMap<string, unknown>): readonly string[] {
  return [...new Set([...old.keys(), ...next.keys()])].flatMap((name) => {
    if (!next.has(name)) return [`${section}.${name} goes`]
    if (!old.has(name)) return [`${section}.${name} is new`]
    return sameValue(old.get(name), next.get(name)) ? [] : [`${section}.${name}`]
  })
}

const changedPolicy = (old: PolicyValues, next: PolicyValues): readonly string[] =>
  POLICY_PROPERTIES
    .filter((key) => !sameValue([old[key], old.append?.[key as PolicyListKey]], [next[key], next.append?.[key as PolicyListKey]]))
    .map((key) => `policy.${POLICY_KEYS[key].key}`)

function sessionEntries(sessions: readonly SessionEffect[]): readonly PlanEntry[] {
  const names = (keys: Iterable<PolicyKey>): string => [...new Set(keys)].map((key) => POLICY_KEYS[key].key).join(', ')
  const live = sessions.map(({ changed }) => changed.filter((key) => TAKES_EFFECT[key] === 'live')).filter((keys) => keys.length > 0)
  const owing = sessions.map(({ owed }) => owed).filter((keys) => keys.length > 0)
  const causes = new Set(sessions.flatMap(({ cut }) => cut ?? []))
  return [
    ...(live.length > 0 ? [{ kind: 'live', what: `sessions: ${names(live.flat())}`, sessions: live.length } as const] : []),
    ...(owing.length > 0 ? [{ kind: 'reconnect', what: `sessions: ${names(owing.flat())}`, sessions: owing.length } as const] : []),
    ...[...causes].map((cause) => ({ kind: 'cut', what: `sessions: ${SESSION_ENDS[cause].said}`, sessions: sessions.filter(({ cut }) => cut === cause).length }) as const),
  ]
}

export const PLAN_COLUMNS = [{ key: 'kind', title: 'When' }, { key: 'what', title: 'What' }, { key: 'sessions', title: 'Sessions' }] as const
