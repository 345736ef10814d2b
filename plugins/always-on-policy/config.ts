import { z } from 'zod'
import { ProfileSchema, type ProfileConfig } from './profile-config.ts'

/** A client keeps the profile in a file of this name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
/** What Cisco's management tunnel is called; a client would take it for that (reference/cisco section 6). */
const TAKEN = 'vpnmgmttunprofile'

const profiles = z.record(z.string(), ProfileSchema).superRefine((all, context) => {
  const refuse = (path: readonly (string | number)[], message: string): void => void context.addIssue({ code: 'custom', path: [...path], message })
  const entries = Object.entries(all)
  if (entries.length > 100) refuse([], 'there may be 100 profiles at most')
  const owner = new Map<string, string>()
  for (const [name, profile] of entries) {
    if (!NAME.test(name)) refuse([name], 'is not a name: letters, digits, ".", "_" and "-", at most 64')
    if (name.toLowerCase() === TAKEN) refuse([name], 'is the name of the management profile of Cisco\'s client')
    if (entries.some(([other]) => other !== name && other.toLowerCase() === name.toLowerCase())) refuse([name], 'differs from another profile in nothing but case: Windows keeps them in one file')
    const groups: readonly (string | undefined)[] = profile.groups.length === 0 ? [undefined] : profile.groups
    groups.forEach((group, index) => {
      const key = group ?? ''
      const before = owner.get(key)
      if (before !== undefined) refuse(group === undefined ? [name] : [name, 'groups', index], group === undefined ? `has no groups, and neither has profile ${before}: only one can be for all other groups` : `group ${JSON.stringify(group)} has profile ${before} already`)
      else owner.set(key, name)
    })
  }
})

/** Section `[always-on-policy]`. */
export const AlwaysOnConfig = z.strictObject({ profile: profiles.default({}) })
export interface AlwaysOnConfig {
  readonly profile: Readonly<Record<string, ProfileConfig>>
}
