import { z } from 'zod'

/** What a reader of configuration text gives back: a value, or one line that says what is wrong. */
export type Read<T> = { readonly value: T } | { readonly refusal: string }

/**
 * A zod schema for a value that is written as text. `what` and `example` tell what it should have been when something
 * else than text stands there; `unit` when a bare number most likely lacks one.
 */
export const written = <T>(what: string, example: string, read: (text: string) => Read<T>, unit = false) =>
  z.string({
    error: (issue) =>
      issue.input === undefined ? 'is missing'
      : unit && typeof issue.input === 'number' ? `a bare number has no unit: write ${what} such as "${example}"`
      : `must be ${what} such as "${example}"`,
  }).transform((text, context): T => {
    const result = read(text)
    if ('value' in result) return result.value
    context.issues.push({ code: 'custom', input: text, message: result.refusal })
    return z.NEVER
  })

/** Hostile text in a one-line message: quoted, cut, and nothing in it that a terminal acts upon or that hides. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
    .replace(/[\p{C}\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
