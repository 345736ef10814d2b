import { resolve } from 'node:path'
import { parseAuthMethod } from './auth-methods.ts'
import type { ConfText } from './conf-text.ts'
import { lastOf, type Values } from './part.ts'
import type { PasswordEntry } from './password-file.ts'

/** Files and directories that a part of ocserv.conf names, absolute. */
export interface NamedFiles {
  readonly passwords: string | undefined
  readonly users: string | undefined
  readonly groups: string | undefined
  readonly defaultUser: string | undefined
  readonly defaultGroup: string | undefined
}
/** What was read of them. */
export interface Material {
  readonly passwords: readonly PasswordEntry[]
  /** By the name of the file, which is the user's or group's. */
  readonly users: ReadonlyMap<string, ConfText>
  readonly groups: ReadonlyMap<string, ConfText>
  readonly defaultUser: ConfText | undefined
  readonly defaultGroup: ConfText | undefined
}
export const NO_MATERIAL: Material = { passwords: [], users: new Map(), groups: new Map(), defaultUser: undefined, defaultGroup: undefined }

/** `base`: the working directory of ocserv, from which it resolves names (reference ocserv-conf B.0). */
export function filesNamed(values: Values, base: string): NamedFiles {
  const path = (option: string): string | undefined => {
    const value = lastOf(values, option)?.value
    return value === undefined || value === '' ? undefined : resolve(base, value)
  }
  const methods = [...(values.get('auth') ?? []), ...(values.get('enable-auth') ?? [])].map(({ value }) => parseAuthMethod(value))
  const passwords = methods.find((method) => method?.name === 'plain')?.options.get('passwd')
  const [users, groups] = [path('config-per-user'), path('config-per-group')]
  return {
    passwords: passwords === undefined ? undefined : resolve(base, passwords), users, groups,
    // ocserv looks for the stand-in only where it has looked for the file.
    defaultUser: users === undefined ? undefined : path('default-user-config'),
    defaultGroup: groups === undefined ? undefined : path('default-group-config'),
  }
}
