import { z } from 'zod'
import { cidr } from '../../core/api.ts'
import { ProfileSchema, REFUSABLE, type ProfileConfig, type Refusable } from './profile-config.ts'
import { profileFile, type ProfileDocument } from './profile-file.ts'

/** A client keeps the profile in a file of this name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
/** What Cisco's management tunnel is called; a client would take it for that (reference/cisco section 6). */
const TAKEN = 'vpnmgmttunprofile'
const MAX_PROFILES = 100

/** Below `[always-on-policy.file.NAME]`. */
export const ReadyProfileSchema = z.strictObject({
  path: profileFile(),
  groups: z.array(z.string()).max(500).default([]),
  public: z.boolean().default(false),
  refuse: z.array(z.enum(REFUSABLE).exclude(['missing-pin'])).max(REFUSABLE.length).default([]),
})
export interface ReadyProfileConfig {
  readonly path: ProfileDocument
  readonly groups: readonly string[]
  readonly public: boolean
  readonly refuse: readonly Refusable[]
}

/** Section `[always-on-policy]`. */
export const AlwaysOnConfig = z.strictObject({
  profile: z.record(z.string(), ProfileSchema).default({}),
  file: z.record(z.string(), ReadyProfileSchema).default({}),
  'known-proxies': z.array(cidr()).max(100).default([]),
}).superRefine(({ profile, file }, context) => {
  const refuse = (path: readonly (string | number)[], message: string): void => void context.addIssue({ code: 'custom', path: [...path], message })
  const all = [...Object.entries(profile).map(([name, { groups }]) => ({ at: ['profile', name], name, groups })), ...Object.entries(file).map(([name, { groups }]) => ({ at: ['file', name], name, groups }))]
  if (all.length > MAX_PROFILES) refuse(all[MAX_PROFILES]?.at ?? [], `there may be ${MAX_PROFILES} profiles at most`)
  const names = new Set<string>()
  const owner = new Map<string, string>()
  for (const { at, name, groups } of all) {
    if (!NAME.test(name)) refuse(at, 'is not a name: letters, digits, ".", "_" and "-", at most 64')
    if (name.toLowerCase() === TAKEN) refuse(at, 'is the name of the management profile of Cisco\'s client')
    if (names.has(name.toLowerCase())) refuse(at, 'has the name of another profile, or one that differs in nothing but case: Windows keeps them in one file')
    names.add(name.toLowerCase())
    const before = owner.get('')
    if (groups.length === 0 && before !== undefined) refuse(at, `has no groups, and neither has profile ${before}: only one can be for all other groups`)
    else if (groups.length === 0) owner.set('', name)
    groups.forEach((group, index) => {
      const other = owner.get(group)
      if (other !== undefined) refuse([...at, 'groups', index], `group ${JSON.stringify(group)} has profile ${other} already`)
      else owner.set(group, name)
    })
  }
})
export interface AlwaysOnConfig {
  readonly profile: Readonly<Record<string, ProfileConfig>>
  readonly file: Readonly<Record<string, ReadyProfileConfig>>
  readonly 'known-proxies': readonly string[]
}
