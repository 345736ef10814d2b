import { userNameProblem } from '../../core/api.ts'

/** A user of this gateway. Times are wall-clock milliseconds. */
export interface User {
  /** As it was typed when the user was made; matching ignores case. */
  readonly name: string
  /** In the order in which they were given; empty: the gateway's first group. */
  readonly groups: readonly string[]
  readonly locked: boolean
  /** First moment at which the user may no longer log in; undefined: never. */
  readonly expiresAt: number | undefined
  readonly createdAt: number
}

/** Bytes of UTF-8 of a password. */
export const PASSWORD_LIMIT = 256
/** Characters of a password. */
export const PASSWORD_MINIMUM = 8

export const isUserName = (name: string): boolean => userNameProblem(name) === undefined

/** Why `password` is not acceptable for the user, or undefined. */
export function passwordProblem(name: string, password: string, minimum = PASSWORD_MINIMUM): string | undefined {
  if ([...password].length < minimum) return `a password has at least ${minimum} characters`
  if (Buffer.byteLength(password) > PASSWORD_LIMIT) return `a password has at most ${PASSWORD_LIMIT} bytes`
  const [given, own] = [password.toLowerCase(), name.toLowerCase()]
  if (given === own) return 'the password is the user name'
  if (given === [...own].reverse().join('')) return 'the password is the user name backwards'
  return undefined
}
