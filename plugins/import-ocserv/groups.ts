import { SECTION_NAME } from '../../core/api.ts'
import type { ConfText, Entry } from './conf-text.ts'
import type { Chains } from './login-methods.ts'
import type { Material } from './files-named.ts'
import type { Findings } from './finding.ts'
import { joined, lastOf, valuesOf, type Values } from './part.ts'
import { policyLayer } from './policy-layer.ts'
import { shownName } from './password-file.ts'
import type { Pools } from './pools.ts'
import type { Table } from './setting.ts'
import { isOn } from './values.ts'
import { tellUntold } from './untold.ts'
import { withRoutesBelow } from './routes-below.ts'

export interface ImportedGroup {
  readonly name: string
  readonly label: string | undefined
  /** Whether clients see it in their list. */
  readonly listed: boolean
  readonly policy: Table
  /** Absent: passwords alone. */
  readonly auth?: Chains | undefined
  /** XML file that its clients get. */
  readonly profile?: Entry | undefined
}

/**
 * The groups: the entries of the pick list, those with a file, those that users are in. The first is the one of users
 * without a group. ocserv shows a list only where `select-group` asks for one.
 */
export function groupsOf(values: Values, material: Material, pools: Pools, findings: Findings, standIn: string): readonly ImportedGroup[] {
  const picked = new Map((values.get('select-group') ?? []).flatMap((entry) => {
    const { name, label } = pickOf(entry.value)
    return isGroupName(name, entry, findings) ? [[name, { label, entry }] as const] : []
  }))
  for (const { entry } of picked.values()) findings.add('mapped', entry, `group.${pickOf(entry.value).name}`)
  const automatic = lastOf(values, 'auto-select-group')
  if (automatic) findings.add('mapped', automatic, isOn(automatic.value) ? 'the groups of the users are listed' : 'groups are listed where select-group names them')
  const named = new Set([...picked.keys(), ...material.groups.keys(), ...material.passwords.flatMap(({ groups }) => groups)])
  const names = [...named].filter((name) => SECTION_NAME.test(name))
  for (const name of named) if (!SECTION_NAME.test(name)) findings.add('refused', { name: 'group', file: material.passwords[0]?.file ?? 'ocserv.conf' }, `${shownName(name)} cannot be the name of a group: letters, digits, ".", "_" and "-"`)
  const first = names.includes(standIn) ? `${standIn}-nobody` : standIn
  const fallback = lastOf(values, 'default-select-group')
  if (fallback) findings.add('mapped', fallback, `group.${first}.label = ${JSON.stringify(fallback.value)}`)
  const listing = picked.size > 0 || (automatic !== undefined && isOn(automatic.value))
  let shared: OwnLayer | undefined
  const layerOf = (name: string): OwnLayer => {
    const text = material.groups.get(name)
    if (text) return ownLayer(text, `group.${name}.policy.`, `group-${name}`, values, pools, findings)
    shared ??= material.defaultGroup ? ownLayer(material.defaultGroup, 'groups without a file: ', 'groups', values, pools, findings) : { policy: new Map() }
    return { ...shared, policy: new Map(shared.policy) }
  }
  return [
    { name: first, label: fallback?.value === '' ? undefined : fallback?.value, listed: !listing || fallback !== undefined, policy: new Map() },
    ...names.map((name) => ({
      name, label: picked.get(name)?.label, listed: picked.has(name) || (automatic !== undefined && isOn(automatic.value)),
      ...layerOf(name),
    })),
  ]
}

export type OwnLayer = Pick<ImportedGroup, 'policy' | 'profile'>

/** The values of a user's or group's file. `noProfile`: why it can have none. A list there replaces the one of everybody unless `append-routes` is on. */
export function ownLayer(text: ConfText, where: string, poolName: string, below: Values, pools: Pools, findings: Findings, noProfile?: string): OwnLayer {
  const values = joined(text.sections.filter(({ host }) => host === undefined).map((section) => valuesOf(section, 'own', findings)))
  const policy = policyLayer(withRoutesBelow(values, below), findings, where)
  const pool = pools.add(poolName, values)
  if (pool !== undefined) policy.set('pool', pool)
  const profile = lastOf(values, 'user-profile')
  if (profile && noProfile !== undefined) findings.add('refused', profile, noProfile)
  tellUntold(values, findings)
  return { policy, profile }
}

/** `name[label]`. */
function pickOf(value: string): { readonly name: string; readonly label: string | undefined } {
  const match = /^([^[]*)\[(.*)\]$/s.exec(value)
  const label = (match?.[2] ?? '').trim().slice(0, 64)
  return { name: (match?.[1] ?? value).trim(), label: label === '' ? undefined : label }
}

function isGroupName(name: string, entry: Entry, findings: Findings): boolean {
  if (SECTION_NAME.test(name)) return true
  findings.add('refused', entry, 'cannot be the name of a group: letters, digits, ".", "_" and "-"')
  return false
}
