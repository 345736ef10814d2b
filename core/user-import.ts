/** Users of another gateway, with what is known of their passwords. */
export interface UserToImport {
  readonly name: string
  readonly groups: readonly string[]
  /** Of crypt(3); `cryptProblem` has nothing against it. */
  readonly hash: string
  readonly locked: boolean
  /** Keys of `[policy]` with their values as postern.toml has them. */
  readonly policy: Readonly<Record<string, unknown>>
}
export interface UserImportResult {
  readonly added: readonly string[]
  readonly replaced: readonly string[]
  /** There before, and left as they are. */
  readonly kept: readonly string[]
  /** Values that the configuration has no place for; their users are taken all the same. */
  readonly leftOut: readonly { readonly user: string; readonly key: string; readonly text: string }[]
}

/** Takes users over into the store, all of them or none. */
export interface UserImport {
  /** `replace`: also those who are there already; else they stay as they are. Throws a GatewayError and has changed nothing. */
  take(users: readonly UserToImport[], options: { readonly replace: boolean; readonly actor: string }): UserImportResult
}

/** Characters of a user name. */
export const USER_NAME_LIMIT = 64
const USER_NAME = /^[a-zA-Z0-9_][a-zA-Z0-9._@-]*$/

/** Why `name` cannot be a user's name, or undefined. */
export function userNameProblem(name: string): string | undefined {
  if (name.length > USER_NAME_LIMIT) return `a user name has at most ${USER_NAME_LIMIT} characters`
  if (!USER_NAME.test(name)) return 'a user name has letters, digits and . _ @ - only, and starts with a letter, a digit or _'
  return undefined
}
