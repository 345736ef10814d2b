/**
 * What a schema may know of the file it is checking: a zod transform takes no argument of its own, and parsing is
 * synchronous, so the loader sets this around each parse.
 */
export interface ParseScope {
  /** Directory of the file; relative paths start there. */
  readonly directory: string
  warn(text: string): void
}

const outside: ParseScope = { directory: process.cwd(), warn: () => undefined }
let current = outside

export function withScope<T>(scope: ParseScope, parse: () => T): T {
  const before = current
  current = scope
  try {
    return parse()
  } finally {
    current = before
  }
}
export const parseScope = (): ParseScope => current
