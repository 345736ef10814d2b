import { ldapts } from './ldapts.ts'

/** A value inside a filter (RFC 4515 section 3). Anything beyond ASCII stays as it is. */
export const escapeFilterValue = (value: string): string =>
  value.replace(/[\0*()\\]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** `{user}` and `{dn}` of a template, each escaped by `escape`. */
export const fill = (template: string, values: Readonly<Record<string, string>>, escape: (value: string) => string): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? escape(values[name] ?? '') : whole))

/** What is wrong with a filter as written; undefined when nothing is. */
export function filterProblem(template: string): string | undefined {
  if (!/^\(.*\)$/s.test(template)) return 'a filter stands in parentheses: (uid={user})'
  try {
    ldapts().FilterParser.parseString(fill(template, { user: 'x', dn: 'cn=x' }, escapeFilterValue))
    return undefined
  } catch (error) {
    return `is not a filter: ${(error as Error).message.split('\n')[0]?.slice(0, 120) ?? ''}`
  }
}
