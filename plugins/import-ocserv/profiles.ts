import { basename, resolve } from 'node:path'
import type { Entry } from './conf-text.ts'
import type { ImportedGroup } from './groups.ts'
import type { Section } from './translate.ts'

/** What `[always-on-policy]` takes for a name, and what it keeps for another profile of Cisco's clients. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/
const TAKEN = 'vpnmgmttunprofile'

/** `[always-on-policy.file.NAME]`: the profile of everybody, and those of groups, each file once. `base`: the working directory of ocserv. */
export function profileSections(everybody: Entry | undefined, groups: readonly Pick<ImportedGroup, 'name' | 'profile'>[], base: string): readonly Section[] {
  const pathOf = ({ value }: Entry): string => resolve(base, value)
  const general = everybody && pathOf(everybody)
  const owners = new Map<string, string[]>(general === undefined ? [] : [[general, []]])
  for (const { name, profile } of groups) {
    const path = profile && pathOf(profile)
    if (path !== undefined && path !== general) owners.set(path, [...(owners.get(path) ?? []), name])
  }
  const taken = new Set([TAKEN])
  return [...owners].map(([path, names]) => ({
    path: ['always-on-policy', 'file', freeName(basename(path, '.xml'), taken)],
    table: new Map<string, string | readonly string[]>([['path', path], ...(names.length > 0 ? [['groups', names] as const] : [])]),
  }))
}

function freeName(wish: string, taken: Set<string>): string {
  const stem = NAME.test(wish) ? wish : 'profile'
  let name = stem
  for (let other = 2; taken.has(name.toLowerCase()); other++) name = `${stem}-${other}`
  taken.add(name.toLowerCase())
  return name
}
