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

/** Characters of a user name. */
export const USER_NAME_LIMIT = 64
/** Bytes of UTF-8 of a password. */
export const PASSWORD_LIMIT = 256
/** Characters of a password. */
export const PASSWORD_MINIMUM = 8

const NAME = /^[a-zA-Z0-9_][a-zA-Z0-9._@-]*$/

export const isUserName = (name: string): boolean => name.length <= USER_NAME_LIMIT && NAME.test(name)

/** Why `name` cannot be a user's name, or undefined. */
export function nameProblem(name: string): string | undefined {
  if (name.length > USER_NAME_LIMIT) return `a user name has at most ${USER_NAME_LIMIT} characters`
  if (!NAME.test(name)) return 'a user name has letters, digits and . _ @ - only, and starts with a letter, a digit or _'
  return undefined
}

/** Why `password` is not acceptable for the user, or undefined. */
export function passwordProblem(name: string, password: string): string | undefined {
  if ([...password].length < PASSWORD_MINIMUM) return `a password has at least ${PASSWORD_MINIMUM} characters`
  if (Buffer.byteLength(password) > PASSWORD_LIMIT) return `a password has at most ${PASSWORD_LIMIT} bytes`
  if (password.toLowerCase() === name.toLowerCase()) return 'the password is the user name'
  return undefined
}
